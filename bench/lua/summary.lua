-- Prints wrk's summary as one JSON line, the last line of its output.
function summary_json(summary, latency, more)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"duration_us":%d,"connect":%d,"read":%d,"write":%d,"status":%d,' ..
    '"timeout":%d,"p50_us":%d,"p99_us":%d,"max_us":%d%s}\n',
    summary.requests, summary.duration, e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99), latency.max, more))
end

function done(summary, latency, requests)
  summary_json(summary, latency, "")
end
