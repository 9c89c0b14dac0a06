-- How much is unfinished; if anything is, the end of it rings. May run twice.
-- KEYS: as queue_common
-- ARGV: 1 id
-- Answer: how much, and the last entry of the news. Refuses: EIDRM
--@include queue_common
local m = redis.call('HMGET', KEYS[1], 'id', 'nudge', 'last')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local count = unfinished(m[2])
if count > 0 then
  redis.call('HSET', KEYS[1], 'joins', '1')
end
return {count, m[3]}
