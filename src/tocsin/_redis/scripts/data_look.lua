-- The value of a data event, unless it is the one that the reader has already. Changes nothing.
-- KEYS: 1 the data event, 2 its stream
-- ARGV: 1 id, 2 the entry whose value the reader has, or ''
-- Answer: the last entry and the version; and the value, if there is one that the reader hasn't
-- Refuses: EIDRM, EUCLEAN (somebody else wrote there, or took the value out of the stream)
local is = redis.call('HMGET', KEYS[1], 'id', 'last', 'version')
if is[1] ~= ARGV[1] then
  return redis.error_reply('TOCSIN EIDRM')
end
if not is[3] or not string.match(is[2] or '', '^%d+%-%d+$') then
  return redis.error_reply('TOCSIN EUCLEAN')
end
if is[2] == ARGV[2] or is[3] == '0' then
  return {is[2], is[3]}
end
local found = redis.call('XRANGE', KEYS[2], is[2], is[2])[1]
if not found then
  return redis.error_reply('TOCSIN EUCLEAN')
end
return {is[2], is[3], found[2][4]}
