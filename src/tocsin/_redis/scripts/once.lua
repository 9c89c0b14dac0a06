-- (part of others) A change that may come twice: `was_done` gives the answer of the first time.
local function was_done(memory, number)
  local kept = redis.call('GET', memory)
  if kept and string.match(kept, '^%d+') == number then
    return string.match(kept, ' (.*)$')
  end
  return nil
end
local function remember(memory, number, answer)
  redis.call('SET', memory, number .. ' ' .. answer, 'EX', 120)
end
