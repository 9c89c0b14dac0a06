-- Something that was taken is worked off; by whomever, as in multiprocessing's JoinableQueue.
-- KEYS: as queue_common, 6 the writer's memory
-- ARGV: 1 id, 2 the holder, 3 the change's number
-- Answer: 1. Refuses: ERANGE (nothing is taken and not reported), EIDRM
--@include queue_common
local m = redis.call('HMGET', KEYS[1], 'id', 'joins', 'nudge')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if redis.call('GET', KEYS[6]) == ARGV[3] then
  return 1
end
local whose = nil
if tonumber(redis.call('HGET', KEYS[4], ARGV[2]) or 0) > 0 then
  whose = ARGV[2]
else
  local all = redis.call('HGETALL', KEYS[4])
  for i = 1, #all, 2 do
    if tonumber(all[i + 1]) > 0 then
      whose = all[i]
      break
    end
  end
end
if not whose then
  return redis.error_reply('TOCSIN ERANGE')
end
redis.call('SET', KEYS[6], ARGV[3], 'EX', 120)
if redis.call('HINCRBY', KEYS[4], whose, -1) <= 0 then
  redis.call('HDEL', KEYS[4], whose)
end
tell('0', m[2], m[3])
return 1
