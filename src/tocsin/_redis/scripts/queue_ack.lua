-- The work on an item is done: it is gone for good.
-- KEYS: as queue_common, 6 the writer's memory
-- ARGV: 1 id, 2 its entry, 3 how many bytes it is, 4 the change's number
-- Answer: 1. Refuses: ESTALE (it isn't in this consumer's hands any more), EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'room', 'joins', 'bytes', 'nudge')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if redis.call('XACK', KEYS[2], 'g', ARGV[2]) == 0 then
  if redis.call('GET', KEYS[6]) == ARGV[4] then
    return 1
  end
  return redis.error_reply('TOCSIN ESTALE')
end
redis.call('XDEL', KEYS[2], ARGV[2])
redis.call('SET', KEYS[6], ARGV[4], 'EX', 120)
redis.call('HSET', KEYS[1], 'bytes', m[4] - ARGV[3])
if m[2] == '1' or m[3] == '1' then
  --@include queue_common
  tell(m[2], m[3], m[5])
end
return 1
