-- Begin to listen. May run twice.
-- KEYS: 1 the topic, 2 its stream, 3 its listeners, 4 the stream of those who wait for room
-- ARGV: 1 id, 2 the listener, 3 how many emits back to begin, as far as they are retained
-- Answer: the number of the emit that it begins behind. Refuses: EIDRM
local was = redis.call('HMGET', KEYS[1], 'id', 'emits', 'low')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local cursor = math.max(was[2] - ARGV[3], was[3] - 1)
redis.call('HSET', KEYS[3], ARGV[2], cursor)
return cursor
