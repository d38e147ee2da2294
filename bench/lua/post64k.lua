-- POST with a body of 64 KiB.
dofile("lua/summary.lua")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", 65536)
