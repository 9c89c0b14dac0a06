-- The item that would be taken now.
-- KEYS: 1 the queue, 2 its items
-- ARGV: 1 id
-- Answer: its bytes, or false. Refuses: EIDRM
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local from = '0-0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
  for i = 1, #group, 2 do
    if group[i] == 'last-delivered-id' then
      from = group[i + 1]
    end
  end
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '(' .. from, '+', 'COUNT', 2)) do
  if entry[2][1] ~= 'n' then
    return entry[2][4]
  end
end
return false
