-- Give a lock back, and tell those who wait.
-- KEYS: 1 the lock, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 the holder, 3 the change's number
-- Answer: 1. Refuses: ESTALE (it is another's, or nobody's), EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'holder', 'waits', 'fence')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if m[2] ~= ARGV[2] then
  if redis.call('GET', KEYS[3]) == ARGV[3] then
    return 1
  end
  return redis.error_reply('TOCSIN ESTALE')
end
-- There is nothing to trim. But a server that is full lets a script go on that has written, and this needs no room.
redis.call('XTRIM', KEYS[2], 'MAXLEN', '1')
redis.call('SET', KEYS[3], ARGV[3], 'EX', 120)
if m[3] == '0' then
  redis.call('HSET', KEYS[1], 'holder', '')
else
  local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'free', m[4])
  redis.call('HSET', KEYS[1], 'holder', '', 'last', last)
end
return 1
