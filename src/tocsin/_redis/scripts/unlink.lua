-- Remove an object: everyone who waits on its stream is told.
-- KEYS: 1 the object, 2 its stream, and more keys that go with it
-- ARGV: 1 id
-- Answer: 1. Refuses: EIDRM
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'removed', '1')
redis.call('EXPIRE', KEYS[2], 300)
redis.call('DEL', KEYS[1], unpack(KEYS, 3))
return 1
