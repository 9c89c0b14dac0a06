-- Remove a queue: who waits is told by its news, and who is blocked in taking by a nudge.
-- KEYS: as queue_common
-- ARGV: 1 id
-- Answer: 1. Refuses: EIDRM
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
redis.call('XADD', KEYS[3], 'MAXLEN', '1', '*', 'removed', '1')
redis.call('EXPIRE', KEYS[3], 300)
redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'n', '1')
redis.call('EXPIRE', KEYS[2], 300)
redis.call('DEL', KEYS[1], KEYS[4], KEYS[5])
return 1
