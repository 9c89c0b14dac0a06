-- Open an object, or make it. May run twice: who made it is found by its id.
-- KEYS: 1 the object
-- ARGV: 1 kind, 2 format, 3 id if it is made, 4 whether it may be made, 5 mode or -1 (as it is), 6 how many of the next
--       are "field=value" that it must have; then field and value pairs that it is made with
-- Answer: its fields and their values
-- Refuses: ENOENT, EMEDIUMTYPE (another kind), EPROTO (another format), EEXIST field=value (what it has instead)
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then
  return redis.error_reply('TOCSIN EMEDIUMTYPE the key ' .. KEYS[1] .. ' is a ' .. kind .. ' of somebody else')
end
local count = tonumber(ARGV[6])
if kind == 'none' then
  if ARGV[4] == '0' then
    return redis.error_reply('TOCSIN ENOENT')
  end
  local now = redis.call('TIME')
  local mode = ARGV[5] == '-1' and '384' or ARGV[5]
  redis.call('HSET', KEYS[1], 'kind', ARGV[1], 'format', ARGV[2], 'id', ARGV[3], 'mode', mode, 'last', '0-0',
    'created', now[1] .. string.format('%06d', now[2]), unpack(ARGV, 7 + count))
else
  local found = redis.call('HMGET', KEYS[1], 'kind', 'format', 'mode')
  if not found[1] then
    return redis.error_reply('TOCSIN EMEDIUMTYPE the key ' .. KEYS[1] .. ' is a hash of somebody else')
  end
  if found[1] ~= ARGV[1] then
    return redis.error_reply('TOCSIN EMEDIUMTYPE')
  end
  if found[2] ~= ARGV[2] then
    return redis.error_reply('TOCSIN EPROTO')
  end
  if ARGV[5] ~= '-1' and ARGV[5] ~= found[3] then
    return redis.error_reply('TOCSIN EEXIST it has mode=0o' .. string.format('%o', tonumber(found[3])))
  end
  for i = 7, 6 + count do
    local field, value = string.match(ARGV[i], '^(.-)=(.*)$')
    local has = redis.call('HGET', KEYS[1], field)
    if has ~= value then
      return redis.error_reply('TOCSIN EEXIST it has ' .. field .. '=' .. tostring(has) .. ', not ' .. value)
    end
  end
end
return redis.call('HGETALL', KEYS[1])
