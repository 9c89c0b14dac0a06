-- Replace the value of a data event, which is in the last entry of its stream.
-- KEYS: 1 the data event, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 the value, 3 the version that it must be at, or -1, 4 the change's number
-- Answer: the entry and the new version; '0-0' and that when it was done before; '' and the version that it is at, when
-- that is not the one that it must be at
-- Refuses: EIDRM, EUCLEAN
--@include counted
local version, before = next_number('version')
if not version then
  return before
end
local expected = ARGV[3] == '-1' or ARGV[3] == before
local kept
if expected then
  kept = redis.call('SET', KEYS[3], ARGV[4] .. ' ' .. version, 'EX', 120, 'GET')
else
  kept = redis.call('GET', KEYS[3])
end
local again = answer_again(kept, ARGV[4])
if again then
  return again
end
if not expected then
  return {'', before}
end
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'version', version, 'data', ARGV[2])
redis.call('HSET', KEYS[1], 'version', version, 'last', last)
return {last, version}
