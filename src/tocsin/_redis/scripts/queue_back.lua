-- Give items back: to the end of the queue, now or later.
-- KEYS: as queue_common, 6 the writer's memory
-- ARGV: 1 id, 2 in how many ms, 3 by how much their count of deliveries grows (0: nobody ever had them), 4 to n-1 their
--       entries, n the change's number
-- Answer: how many. Refuses: ESTALE (none of them is in this consumer's hands any more), EIDRM
--@include queue_common
local last = #ARGV
local m = redis.call('HMGET', KEYS[1], 'id', 'nudge')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local count = 0
for i = 4, last - 1 do
  if redis.call('XACK', KEYS[2], 'g', ARGV[i]) == 1 then
    local entry = redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i])[1]
    redis.call('XDEL', KEYS[2], ARGV[i])
    if entry and entry[2][1] == 'n' then
      nudge()
      count = count + 1
    elseif entry then
      local row = entry[2]
      local attempt = (row[5] == 'a' and row[6] or 1) + ARGV[3]
      if ARGV[2] == '0' then
        redis.call('XADD', KEYS[2], '*', 's', row[2], 'd', row[4], 'a', attempt)
      else
        local now = redis.call('TIME')
        local due = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2]
        redis.call('ZADD', KEYS[5], string.format('%.0f', due), row[2] .. ':' .. attempt .. ':' .. row[4])
      end
      count = count + 1
    end
  end
end
if count == 0 then
  if redis.call('GET', KEYS[6]) == ARGV[last] then
    return 1
  end
  return redis.error_reply('TOCSIN ESTALE')
end
redis.call('SET', KEYS[6], ARGV[last], 'EX', 120)
if ARGV[2] ~= '0' and m[2] == '' then
  nudge() -- who is blocked doesn't know when to look
end
ring()
return count
