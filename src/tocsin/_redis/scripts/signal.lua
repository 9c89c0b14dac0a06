-- Signal: count one more.
-- KEYS: 1 the signal, 2 its stream, 3 the writer's memory
-- ARGV: 1 id, 2 the change's number
-- Answer: the entry ('0-0' when it was done before), and the signal's number. Refuses: EIDRM, EUCLEAN
--@include counted
local count, before = next_number('count')
if not count then
  return before
end
local again = answer_again(redis.call('SET', KEYS[3], ARGV[2] .. ' ' .. count, 'EX', 120, 'GET'), ARGV[2])
if again then
  return again
end
local last = redis.call('XADD', KEYS[2], 'MAXLEN', '1', '*', 'count', count)
redis.call('HSET', KEYS[1], 'count', count, 'last', last)
return {last, count}
