-- Remove a topic: listeners are told by its stream, emitters that wait by theirs.
-- KEYS: 1 the topic, 2 its stream, 3 its listeners, 4 the stream of those who wait for room
-- ARGV: 1 id
-- Answer: 1. Refuses: EIDRM
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
for _, stream in ipairs({KEYS[2], KEYS[4]}) do
  redis.call('XADD', stream, 'MAXLEN', '1', '*', 'removed', '1')
  redis.call('EXPIRE', stream, 300)
end
redis.call('DEL', KEYS[1], KEYS[3])
return 1
