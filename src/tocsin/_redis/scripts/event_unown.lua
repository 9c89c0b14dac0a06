-- The end of a claim on an event that was not set: it was taken back, or its owner died or closed. May run twice: it is
-- about that claim alone.
-- KEYS: 1 the event, 2 its stream
-- ARGV: 1 id, 2 the claim, 3 whether its owner left it behind (1) or took it back (0)
-- Answer: as event_set's. Refuses: EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'generation', 'owner', 'left', 'claims', 'last', 'set')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if m[3] ~= ARGV[2] or m[4] == '1' then
  return {m[6], m[7], m[2], m[3], m[4], m[5]}
end
local owner = ARGV[3] == '1' and m[3] or ''
local claims = string.format('%.0f', m[5] + 1)
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'set', '0', 'generation', m[2], 'owner', owner,
  'left', ARGV[3], 'claims', claims)
redis.call('HSET', KEYS[1], 'owner', owner, 'left', ARGV[3], 'claims', claims, 'last', last)
return {last, '0', m[2], owner, ARGV[3], claims}
