-- Read what is there, without waiting for more. May run twice: what a listener lost on the way is asked for again.
-- KEYS: 1 the topic, 2 its stream, 3 its listeners, 4 the stream of those who wait for room
-- ARGV: 1 id, 2 the listener, 3 the last number that it has, 4 how many it takes
-- Answer: entries. Refuses: EIDRM
--@include topic_room
local was = redis.call('HMGET', KEYS[1], 'id', 'wanted')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local found = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3] .. '-0', '+', 'COUNT', ARGV[4])
local last = #found > 0 and string.match(found[#found][1], '^%d+') or ARGV[3]
redis.call('HSET', KEYS[3], ARGV[2], last)
tell_emitters(was[2], tonumber(last))
return found
