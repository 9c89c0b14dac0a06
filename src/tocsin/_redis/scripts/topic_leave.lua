-- Listeners go, or are dead: nobody waits for them any more. May run twice.
-- KEYS: 1 the topic, 2 its stream, 3 its listeners, 4 the stream of those who wait for room
-- ARGV: 1 id, then the listeners
-- Answer: 1, or 0 if the topic is gone
--@include topic_room
local was = redis.call('HMGET', KEYS[1], 'id', 'wanted')
if was[1] ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[3], unpack(ARGV, 2))
tell_emitters(was[2], math.huge)
return 1
