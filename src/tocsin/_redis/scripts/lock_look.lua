-- Who has a lock, asked by one who waits until nobody does. May run twice.
-- KEYS: 1 the lock
-- ARGV: 1 id
-- Answer: as a look's: id, last entry, holder, who that is, whether he left it behind, whether its end will be an
--         entry, the fence
-- Refuses: EIDRM
local m = redis.call('HMGET', KEYS[1], 'id', 'last', 'holder', 'who', 'left', 'waits', 'fence')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if m[3] ~= '' and m[6] == '0' then
  redis.call('HSET', KEYS[1], 'waits', '1')
  m[6] = '1'
end
return m
