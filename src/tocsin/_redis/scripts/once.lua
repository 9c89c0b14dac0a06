-- (part of others) A change that may come twice: `was_done` gives the answer of the first time.
local function was_done(memory, number)
  local kept = redis.call('GET', memory)
  if kept then
    local space = string.find(kept, ' ', 1, true)
    if string.sub(kept, 1, space - 1) == number then
      return string.sub(kept, space + 1)
    end
  end
  return nil
end
local function remember(memory, number, answer)
  redis.call('SET', memory, number .. ' ' .. answer, 'EX', 120)
end
