-- An item of a queue with a limit was taken in hand: there may be room. May run twice.
-- KEYS: as queue_common
-- ARGV: 1 id
-- Answer: 1
local m = redis.call('HMGET', KEYS[1], 'id', 'room')
if m[1] == ARGV[1] and m[2] == '1' then
  --@include queue_common
  tell('1', '0', '')
end
return 1
