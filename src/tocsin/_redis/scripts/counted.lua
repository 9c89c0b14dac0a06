-- (part of others) An object whose changes are numbered: the number of the next, and the answer to one that comes again.
-- That number, and the one before it; nil and a refusal.
local function next_number(field)
  local was = redis.call('HMGET', KEYS[1], 'id', field)
  if was[1] ~= ARGV[1] then
    return nil, redis.error_reply('TOCSIN EIDRM')
  end
  local number = tonumber(was[2])
  if not number then
    return nil, redis.error_reply('TOCSIN EUCLEAN')
  end
  return string.format('%d', number + 1), was[2]
end
-- `kept` is what the writer's memory held. The same change again, whose answer was lost, has the number that it got then.
local function answer_again(kept, change)
  if kept and string.match(kept, '^%d+') == change then
    redis.call('SET', KEYS[3], kept, 'EX', 120)
    return {'0-0', string.match(kept, '%d+$')}
  end
end
