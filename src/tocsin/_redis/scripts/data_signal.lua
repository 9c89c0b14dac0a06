-- Replace the value of a data event, which is in the last entry of its stream.
-- KEYS: 1 the data event, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 the value, 3 the version that it must be at, or -1, 4 the change's number
-- Answer: the entry and the new version; '0-0' and that when it was done before; '' and the version that it is at, when
-- that is not the one that it must be at
-- Refuses: EIDRM, EUCLEAN
local was = redis.call('HMGET', KEYS[1], 'id', 'version')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local version = tonumber(was[2])
if not version then
  return redis.error_reply('TOCSIN EUCLEAN')
end
version = string.format('%d', version + 1)
local expected = ARGV[3] == '-1' or ARGV[3] == was[2]
local kept
if expected then
  kept = redis.call('SET', KEYS[3], ARGV[4] .. ' ' .. version, 'EX', 120, 'GET')
else
  kept = redis.call('GET', KEYS[3])
end
if kept and string.match(kept, '^%d+') == ARGV[4] then
  -- The same change again, whose answer was lost: it has the version that it got then.
  redis.call('SET', KEYS[3], kept, 'EX', 120)
  return {'0-0', string.match(kept, '%d+$')}
end
if not expected then
  return {'', was[2]}
end
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'version', version, 'data', ARGV[2])
redis.call('HSET', KEYS[1], 'version', version, 'last', last)
return {last, version}
