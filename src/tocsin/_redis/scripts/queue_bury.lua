-- What a dead holder had in hand comes back, and what it had taken counts no more. May run twice.
-- KEYS: as queue_common
-- ARGV: 1 id, 2 the holder, 3 to n its consumers
-- Answer: how many came back. Refuses: EIDRM
--@include queue_common
local m = redis.call('HMGET', KEYS[1], 'id', 'joins', 'nudge')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local count = 0
for i = 3, #ARGV do
  while true do
    local rows = redis.call('XPENDING', KEYS[2], 'g', '-', '+', 100, ARGV[i])
    if #rows == 0 then
      break
    end
    for _, row in ipairs(rows) do
      local entry = redis.call('XRANGE', KEYS[2], row[1], row[1])[1]
      redis.call('XACK', KEYS[2], 'g', row[1])
      redis.call('XDEL', KEYS[2], row[1])
      if entry and entry[2][1] == 'n' then
        nudge()
        m[3] = 'n'
      elseif entry then
        local fields = entry[2]
        local attempt = (fields[5] == 'a' and fields[6] or 1) + 1
        redis.call('XADD', KEYS[2], '*', 's', fields[2], 'd', fields[4], 'a', attempt)
        count = count + 1
      end
    end
  end
  redis.call('XGROUP', 'DELCONSUMER', KEYS[2], 'g', ARGV[i])
end
redis.call('HDEL', KEYS[4], ARGV[2])
tell('0', m[2], m[3])
return count
