-- (part of others) A listener stands at `cursor`: those emitters are told who wait for him to have come so far.
local function tell_emitters(wanted, cursor)
  if wanted and tonumber(wanted) <= cursor then
    redis.call('HDEL', KEYS[1], 'wanted')
    redis.call('XADD', KEYS[4], 'MAXLEN', '1', '*', 'room', '1')
  end
end
