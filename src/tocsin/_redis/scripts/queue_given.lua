-- (part of others) Where a queue's items begin that no consumer was given: behind this entry.
local function last_given()
  local from = '0-0'
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    for i = 1, #group, 2 do
      if group[i] == 'last-delivered-id' then
        from = group[i + 1]
      end
    end
  end
  return from
end
