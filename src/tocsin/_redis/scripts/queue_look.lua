-- A consumer's look: what was put off and is due comes back. May run twice.
-- KEYS: as queue_common
-- ARGV: 1 id, 2 the nudge, if this consumer took it, or ''
-- Answer: shut, how many are ready, in how many ms the next is due (-1: none), how many are in hands, how many were taken
--         and not reported, how many are put off, the last entries of the items and of the news, bytes, puts
-- A nudge is passed on when the queue has ended, for all have to know that; else it has done its work.
-- Refuses: EIDRM, after the nudge was passed on
--@include queue_common
local m = redis.call('HMGET', KEYS[1], 'id', 'shut', 'nudge', 'last', 'bytes', 'puts')
if ARGV[2] ~= '' and redis.call('XACK', KEYS[2], 'g', ARGV[2]) == 1 then
  redis.call('XDEL', KEYS[2], ARGV[2])
  if m[1] ~= ARGV[1] then
    redis.call('XADD', KEYS[2], '*', 'n', '1')
  elseif m[2] == '1' then
    nudge()
    m[3] = redis.call('HGET', KEYS[1], 'nudge')
  else
    redis.call('HSET', KEYS[1], 'nudge', '')
    m[3] = ''
  end
end
if m[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local due, later = -1, redis.call('ZCARD', KEYS[5])
if later > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', string.format('%.0f', now), 'LIMIT', 0, 200)) do
    local sequence, attempt, data = string.match(member, '^(%d+):(%d+):(.*)$')
    redis.call('XADD', KEYS[2], '*', 's', sequence, 'd', data, 'a', attempt)
    redis.call('ZREM', KEYS[5], member)
    later = later - 1
  end
  local first = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
  if first[2] then
    due = math.max(0, first[2] - now)
  end
end
local inside = redis.call('XLEN', KEYS[2]) - (m[3] == '' and 0 or 1)
local held = redis.call('XPENDING', KEYS[2], 'g')[1] - (is_held(m[3]) and 1 or 0)
local taken = 0
for _, count in ipairs(redis.call('HVALS', KEYS[4])) do
  taken = taken + count
end
local about = redis.call('XINFO', 'STREAM', KEYS[2])
local newest = '0-0'
for i = 1, #about, 2 do
  if about[i] == 'last-generated-id' then
    newest = about[i + 1]
  end
end
local ready = math.max(0, inside - held)
return {tonumber(m[2]), ready, due, held, taken, later, newest, m[4], m[5], m[6]}
