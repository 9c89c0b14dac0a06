-- Set an event, or clear it.
-- KEYS: 1 the event, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 what it becomes: 1 set, 0 clear, 3 the change's number
-- Answer: 1 changed, 0 it was so. Refuses: EIDRM
local was = redis.call('HMGET', KEYS[1], 'id', 'set', 'generation')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if was[2] == ARGV[2] then
  return 0
end
-- The same change again, whose answer was lost, after somebody changed it back: it is done, and not to be done twice.
if redis.call('SET', KEYS[3], ARGV[3], 'EX', 120, 'GET') == ARGV[3] then
  return 1
end
local generation = string.format('%d', was[3] + ARGV[2])
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'set', ARGV[2], 'generation', generation)
redis.call('HSET', KEYS[1], 'set', ARGV[2], 'generation', generation, 'last', last)
return 1
