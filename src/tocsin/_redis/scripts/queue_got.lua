-- What a consumer took for good is out of the queue, and his until he reports it (task_done). May run twice.
-- KEYS: as queue_common
-- ARGV: 1 id, 2 the holder, 3 how many bytes they are, 4 to n the entries
-- Answer: how many it was true of
local n = redis.call('XACK', KEYS[2], 'g', unpack(ARGV, 4))
local m = redis.call('HMGET', KEYS[1], 'id', 'room', 'bytes')
if n == 0 or m[1] ~= ARGV[1] then
  return 0
end
redis.call('XDEL', KEYS[2], unpack(ARGV, 4))
redis.call('HINCRBY', KEYS[4], ARGV[2], n)
redis.call('HSET', KEYS[1], 'bytes', m[3] - ARGV[3])
if m[2] == '1' then
  --@include queue_common
  tell('1', '0', '')
end
return n
