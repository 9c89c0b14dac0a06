-- Take a lock. May run twice: a taking has a holder's name of its own, and who has it already has it.
-- KEYS: 1 the lock
-- ARGV: 1 id, 2 the holder (its process's owner id, ":", what is its own), 3 who that is, for people,
--       4 whether it goes before those who have just come, 5 what to note if it is held: 0 nothing, 1 that somebody
--       waits, 2 that he has waited long
-- Answer: taken: the fence, whether the last holder left it behind, and the last entry. Not taken, for it is held, or kept for who has
--         waited long: 0, the last entry, holder, who that is, whether he left it behind, whether its end will be an
--         entry, the fence
-- Refuses: EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'holder', 'waits', 'fence', 'left', 'told', 'last', 'who')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if m[2] == '' and (ARGV[4] == '1' or m[3] ~= '2') then
  local fence = m[4] + 1
  redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'who', ARGV[3], 'waits', '0', 'fence', string.format('%.0f', fence),
    'left', '0', 'told', m[5])
  return {fence, m[5], m[7]}
end
if m[2] == ARGV[2] then
  return {tonumber(m[4]), m[6], m[7]}
end
if m[3] < ARGV[5] then
  redis.call('HSET', KEYS[1], 'waits', ARGV[5])
  m[3] = ARGV[5]
end
return {0, m[7], m[2], m[8], m[5], m[3], m[4]}
