-- Signal: count one more.
-- KEYS: 1 the signal, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 the change's number
-- Answer: the entry ('0-0' when it was done before), and the signal's number. Refuses: EIDRM, EUCLEAN
local was = redis.call('HMGET', KEYS[1], 'id', 'count')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local count = tonumber(was[2])
if not count then
  return redis.error_reply('TOCSIN EUCLEAN')
end
count = string.format('%d', count + 1)
local kept = redis.call('SET', KEYS[3], ARGV[2] .. ' ' .. count, 'EX', 120, 'GET')
if kept and string.match(kept, '^%d+') == ARGV[2] then
  -- The same change again, whose answer was lost: it has the number that it got then.
  redis.call('SET', KEYS[3], kept, 'EX', 120)
  return {'0-0', string.match(kept, '%d+$')}
end
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'count', count)
redis.call('HSET', KEYS[1], 'count', count, 'last', last)
return {last, count}
