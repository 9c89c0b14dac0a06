-- Promise to set an event. May run twice: a claim has a name of its own.
-- KEYS: 1 the event, 2 its stream
-- ARGV: 1 id, 2 the claim (its process's owner id, ":", what is its own), 3 who that is, for people
-- Answer: as event_set's; the owner is this claim, or that of another who lives. Refuses: EALREADY (it is set), EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'set', 'generation', 'owner', 'left', 'claims', 'last')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if m[4] ~= '' and m[5] == '0' then
  return {m[7], m[2], m[3], m[4], m[5], m[6]}
end
if m[2] == '1' then
  return redis.error_reply('TOCSIN EALREADY')
end
local claims = string.format('%.0f', m[6] + 1)
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'set', '0', 'generation', m[3], 'owner', ARGV[2],
  'left', '0', 'claims', claims)
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'who', ARGV[3], 'left', '0', 'claims', claims, 'last', last)
return {last, '0', m[3], ARGV[2], '0', claims}
