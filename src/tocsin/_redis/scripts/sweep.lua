-- Remove an object that is too damaged to be opened, with all keys that are its own. Who waits at a stream is told there.
-- KEYS: 1 the object, and every key that begins with it
-- ARGV: 1 what it has as its id, or nothing
-- Answer: 1; 0 when it is another one, or gone, by now
if (redis.call('HGET', KEYS[1], 'id') or '') ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
for i = 2, #KEYS do
  local told = redis.call('TYPE', KEYS[i]).ok == 'stream'
    and not redis.pcall('XADD', KEYS[i], 'MAXLEN', '1', '*', 'removed', '1').err
  if told then
    redis.call('EXPIRE', KEYS[i], 300)
  else
    redis.call('DEL', KEYS[i])
  end
end
redis.call('DEL', KEYS[1])
return 1
