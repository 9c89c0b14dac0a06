-- A lock's holder has died, or closed: it is free, and the next one is told. May run twice: it is about that holder alone.
-- KEYS: 1 the lock, 2 its stream
-- ARGV: 1 id, 2 the holder
-- Answer: 1, or 0 if it isn't the holder. Refuses: EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'holder', 'fence')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if m[2] ~= ARGV[2] then
  return 0
end
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'free', m[3])
redis.call('HSET', KEYS[1], 'holder', '', 'left', '1', 'last', last)
return 1
