-- How many requests each connection got through. wrk tells it only of threads, so it has to
-- be started with as many threads as connections.
dofile("lua/summary.lua")
local threads = {}

function setup(thread)
  thread:set("sent", 0)
  table.insert(threads, thread)
end

function init(args)
  bytes = wrk.format()
end

function request()
  sent = sent + 1
  return bytes
end

function done(summary, latency, requests)
  local counts = {}
  for i, thread in ipairs(threads) do
    counts[i] = thread:get("sent")
  end
  summary_json(summary, latency, ',"per_connection":[' .. table.concat(counts, ",") .. "]")
end
