-- 16 pipelined GET requests in each write, each for another path.
dofile("lua/summary.lua")

function init(args)
  local all = {}
  for i = 1, 16 do
    all[i] = wrk.format("GET", string.format("/p%02d", i))
  end
  pipelined = table.concat(all)
end

function request()
  return pipelined
end
