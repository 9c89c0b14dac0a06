-- Set an event, or clear it. A set keeps its owner's promise; a clear ends that of a dead one.
-- KEYS: 1 the event, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 what it becomes: 1 set, 0 clear, 3 the change's number
-- Answer: what is so now: the stream's last entry, set, generation, owner, left, claims. Refuses: EIDRM, EUCLEAN
local was = redis.call('HMGET', KEYS[1], 'id', 'last', 'set', 'generation', 'owner', 'left', 'claims')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local is_left = was[6] == '1' and ARGV[2] == '0'
-- The same change again, whose answer was lost, after somebody changed it back: it is done, and not to be done twice.
if (was[3] == ARGV[2] and not is_left) or redis.call('SET', KEYS[3], ARGV[3], 'EX', 120, 'GET') == ARGV[3] then
  return {was[2], was[3], was[4], was[5], was[6], was[7]}
end
local generation = tonumber(was[4])
if not generation or (was[3] ~= '0' and was[3] ~= '1') then
  return redis.error_reply('TOCSIN EUCLEAN')
end
if was[3] == ARGV[2] or was[5] ~= '' then
  local claims = string.format('%.0f', was[7] + 1)
  redis.call('HSET', KEYS[1], 'owner', '', 'left', '0', 'claims', claims)
  was[7] = claims
end
generation = string.format('%d', generation + ARGV[2])
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'set', ARGV[2], 'generation', generation, 'claims', was[7])
redis.call('HSET', KEYS[1], 'set', ARGV[2], 'generation', generation, 'last', last)
return {last, ARGV[2], generation, '', '0', was[7]}
