-- A listener has read so far. Sent in front of the read that waits for more, and its answer is not asked for.
-- KEYS: 1 the topic, 2 its stream, 3 its listeners, 4 the stream of those who wait for room
-- ARGV: 1 id, 2 the listener, 3 the number of the last that it has read
-- Answer: 1, or 0 if the topic is gone
--@include topic_room
local was = redis.call('HMGET', KEYS[1], 'id', 'wanted')
if was[1] ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
tell_emitters(was[2], tonumber(ARGV[3]))
return 1
