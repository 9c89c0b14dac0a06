-- What an object is and how it is, for people who look: nothing is made or changed, and what is due stays where it is.
-- KEYS: 1 the object
-- Answer: nothing if there is none. Its fields and values; and of a queue what is ready, in hands, put off, holders and
--         how many each has in hand, holders and how many each has taken and not reported; of a bus listeners and where
--         each stands; of a data event the bytes of its value
-- Refuses: EMEDIUMTYPE
local type = redis.call('TYPE', KEYS[1]).ok
if type == 'none' then
  return {}
end
local about = type == 'hash' and redis.call('HMGET', KEYS[1], 'kind', 'id', 'nudges')
if not about or not about[1] or not about[2] then
  return redis.error_reply('TOCSIN EMEDIUMTYPE')
end
local function key(part)
  return KEYS[1] .. ':' .. part .. ':' .. about[2]
end
local fields = redis.call('HGETALL', KEYS[1])
if about[1] == 'queue' then
  local pending = redis.pcall('XPENDING', key('i'), 'g')
  local held, holders = 0, {}
  if not pending.err then -- there is a group from its first user on
    held = pending[1]
    for _, holder in ipairs(pending[4] or {}) do
      table.insert(holders, holder[1])
      table.insert(holders, holder[2])
    end
  end
  local ready = redis.call('XLEN', key('i')) - held - (tonumber(about[3]) or 0)
  return {fields, math.max(0, ready), held, redis.call('ZCARD', key('d')), holders, redis.call('HGETALL', key('t'))}
elseif about[1] == 'bus' then
  return {fields, redis.call('HGETALL', key('l'))}
elseif about[1] == 'data' then
  local last = redis.call('XREVRANGE', key('s'), '+', '-', 'COUNT', 1)[1]
  return {fields, last and #(last[2][4] or '') or 0}
end
return {fields}
