-- Put items in, as many as there is room for.
-- KEYS: as queue_common, 6 the writer's memory
-- ARGV: 1 id, 2 to n-1 the items, n the change's number
-- Answer: how many are in. Refuses: EIDRM, EPIPE (shut down), EAGAIN (no room for the first; the next room rings),
--         EMSGSIZE (the first is larger than the queue can ever hold)
local m = redis.call('HMGET', KEYS[1], 'id', 'shut', 'maxsize', 'max_bytes', 'puts', 'bytes', 'nudge')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local last = #ARGV
local puts, bytes = tonumber(m[5]), tonumber(m[6])
local done = last - 2
if m[2] == '0' and m[3] == '0' and m[4] == '0' then
  if redis.call('SET', KEYS[6], ARGV[last], 'EX', 120, 'GET') == ARGV[last] then
    return done
  end
else
  local kept = redis.call('GET', KEYS[6])
  if kept and string.match(kept, '^%d+') == ARGV[last] then
    return tonumber(string.match(kept, ' (%d+)$') or done)
  end
  if m[2] == '1' then
    return redis.error_reply('TOCSIN EPIPE')
  end
  local most, most_bytes = tonumber(m[3]), tonumber(m[4])
  if most_bytes > 0 and #ARGV[2] > most_bytes then
    return redis.error_reply('TOCSIN EMSGSIZE')
  end
  local inside = 0
  if most > 0 then
    inside = redis.call('XLEN', KEYS[2]) - redis.call('XPENDING', KEYS[2], 'g')[1] + redis.call('ZCARD', KEYS[5])
    if m[7] ~= '' and #redis.call('XPENDING', KEYS[2], 'g', m[7], m[7], 1) == 0 then
      inside = inside - 1
    end
  end
  local more = bytes
  done = 0
  for i = 2, last - 1 do
    if (most > 0 and inside >= most) or (most_bytes > 0 and more + #ARGV[i] > most_bytes) then
      break
    end
    inside, more, done = inside + 1, more + #ARGV[i], done + 1
  end
  if done == 0 then
    redis.call('HSET', KEYS[1], 'room', '1')
    return redis.error_reply('TOCSIN EAGAIN')
  end
  redis.call('SET', KEYS[6], ARGV[last] .. ' ' .. done, 'EX', 120)
end
for i = 2, done + 1 do
  puts, bytes = puts + 1, bytes + #ARGV[i]
  redis.call('XADD', KEYS[2], '*', 's', puts, 'd', ARGV[i])
end
redis.call('HSET', KEYS[1], 'puts', puts, 'bytes', bytes)
return done
