-- The item that would be taken now.
-- KEYS: 1 the queue, 2 its items
-- ARGV: 1 id
-- Answer: its bytes, or false. Refuses: EIDRM
--@include queue_given
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '(' .. last_given(), '+', 'COUNT', 2)) do
  if entry[2][1] ~= 'n' then
    return entry[2][4]
  end
end
return false
