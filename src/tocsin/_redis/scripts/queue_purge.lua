-- Drop what is in the queue and in nobody's hands; and end the queue, if that is asked for.
-- KEYS: as queue_common, 6 the writer's memory
-- ARGV: 1 id, 2 whether to drop, 3 whether to end it, 4 the change's number
-- Answer: how many were dropped. Refuses: EIDRM
--@include queue_common
--@include queue_given
--@include once
local m = redis.call('HMGET', KEYS[1], 'id', 'shut', 'bytes', 'nudge')
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local done = was_done(KEYS[6], ARGV[4])
if done then
  return tonumber(done)
end
local dropped, bytes = 0, tonumber(m[3])
if ARGV[2] == '1' then
  local from = last_given()
  while true do
    local entries = redis.call('XRANGE', KEYS[2], '(' .. from, '+', 'COUNT', 500)
    if #entries == 0 then
      break
    end
    for _, entry in ipairs(entries) do
      from = entry[1]
      if entry[2][1] ~= 'n' then
        redis.call('XDEL', KEYS[2], entry[1])
        dropped, bytes = dropped + 1, bytes - #entry[2][4]
      end
    end
  end
  for _, member in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
    dropped, bytes = dropped + 1, bytes - #string.match(member, '^%d+:%d+:(.*)$')
  end
  redis.call('DEL', KEYS[5])
end
local nudged = m[4]
if ARGV[3] == '1' and m[2] == '0' then
  redis.call('HSET', KEYS[1], 'shut', '1')
  if nudged == '' then
    nudge()
    nudged = 'n'
  end
end
redis.call('HSET', KEYS[1], 'bytes', bytes)
remember(KEYS[6], ARGV[4], dropped)
tell('1', '1', nudged)
return dropped
