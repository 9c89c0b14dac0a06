-- Emit: append payloads, and let the oldest go for which there is no room any more.
-- An entry's number is the emit's own, so there are no gaps, and where a listener stands is one number. What is retained
-- is counted in parts of a sixteenth of max_bytes, and goes by parts: `parts` holds "first:bytes," of those before the
-- last one, which is `from` and `part`.
-- KEYS: 1 the topic, 2 its stream, 3 its listeners, 4 the stream of those who wait for room, 5 the writer's memory
-- ARGV: 1 id, 2 whether to wait for listeners, then the payloads, and the change's number
-- Answer: the number of the last one. If a listener has not read what would have to go: {that number, how many were
--         emitted, the last entry of 4}. Refuses: EIDRM
local was = redis.call('HMGET', KEYS[1], 'id', 'max_bytes', 'emits', 'bytes', 'part', 'from', 'parts', 'low', 'wanted')
if was[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
local polite, change, count = ARGV[2] == '1', ARGV[#ARGV], #ARGV - 3
local emits, max, bytes, part = tonumber(was[3]), tonumber(was[2]), tonumber(was[4]), tonumber(was[5])
local from, parts, low, share = was[6], was[7], was[8], max / 16

local kept, floor
if polite then
  kept = redis.call('GET', KEYS[5])
  for _, cursor in ipairs(redis.call('HVALS', KEYS[3])) do
    floor = math.min(floor or math.huge, tonumber(cursor))
  end
else
  kept = redis.call('SET', KEYS[5], string.format('%s %d %d', change, emits + count, count), 'EX', 120, 'GET')
end
if kept then
  local number, last, done = string.match(kept, '^(%d+) (%d+) (%d+)$')
  if number == change then -- the same change again, whose answer was lost
    if not polite then
      redis.call('SET', KEYS[5], kept, 'EX', 120)
    end
    return tonumber(done) == count and tonumber(last) or {tonumber(last), tonumber(done), '0-0'}
  end
end

local done, wanted = 0, nil
for i = 3, count + 2 do
  local number = string.format('%d', emits + 1)
  local size = #ARGV[i] + 32
  if part > 0 and part + size > share then
    parts = string.format('%s%s:%d,', parts, from, part)
    part, from = 0, number
  end
  while bytes + size > max do
    local amount, rest = string.match(parts, '^%d+:(%d+),(.*)$')
    local first = string.match(rest, '^%d+') or from
    if floor and first - 1 > floor then
      wanted = first - 1
      break
    end
    bytes, parts, low = bytes - amount, rest, first
  end
  if wanted then
    break
  end
  redis.call('XADD', KEYS[2], number .. '-0', 'p', ARGV[i])
  emits, done, bytes, part = emits + 1, done + 1, bytes + size, part + size
end

if low ~= was[8] then
  redis.call('XTRIM', KEYS[2], 'MINID', low .. '-0')
end
if from == was[6] and parts == was[7] then
  redis.call('HSET', KEYS[1], 'emits', emits, 'bytes', bytes, 'part', part)
else
  redis.call('HSET', KEYS[1], 'emits', emits, 'bytes', bytes, 'part', part, 'from', from, 'parts', parts, 'low', low)
end
if polite and done > 0 then
  redis.call('SET', KEYS[5], string.format('%s %d %d', change, emits, done), 'EX', 120)
end
if not wanted then
  return emits
end
if not was[9] or tonumber(was[9]) > wanted then
  redis.call('HSET', KEYS[1], 'wanted', wanted)
end
local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
return {emits, done, last and last[1] or '0-0'}
