-- (part of others) A queue's keys: 1 the queue, 2 its items, 3 its stream of news, 4 what each holder has taken and not
-- reported, 5 what is put off; the group of its consumers is "g". A nudge (an entry with the field n) is no item: it wakes
-- a consumer that is blocked, who takes it and looks. There is at most one, the field nudge says which, or ''.
local function ring()
  local last = redis.call('XADD', KEYS[3], 'MAXLEN', '1', '*', 'news', '1')
  redis.call('HSET', KEYS[1], 'last', last)
end
local function nudge()
  redis.call('HSET', KEYS[1], 'nudge', redis.call('XADD', KEYS[2], '*', 'n', '1'))
end
-- Is the nudge among what consumers have in hand?
local function is_held(nudged)
  return nudged ~= '' and #redis.call('XPENDING', KEYS[2], 'g', nudged, nudged, 1) > 0
end
local function unfinished(nudged)
  local count = redis.call('XLEN', KEYS[2]) - (nudged == '' and 0 or 1) + redis.call('ZCARD', KEYS[5])
  for _, taken in ipairs(redis.call('HVALS', KEYS[4])) do
    count = count + taken
  end
  return count
end
-- After something left the queue: tell who waits for room (m.room), and who waits for the end of all work (m.joins).
local function tell(room, joins, nudged)
  if room == '1' then
    redis.call('HSET', KEYS[1], 'room', '0')
  end
  local done = joins == '1' and unfinished(nudged) == 0
  if done then
    redis.call('HSET', KEYS[1], 'joins', '0')
  end
  if room == '1' or done then
    ring()
  end
end
