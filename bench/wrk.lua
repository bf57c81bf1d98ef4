-- The load of `bench.serving`: requests from a file, in turn, each with a session of its own.
-- BENCH_REQUESTS: lines of path, tab, cookie. BENCH_MOST: stop after so many answers; 0 is never.
local ffi = require("ffi")
ffi.cdef[[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *time);
]]
local moment = ffi.new("bench_time")
local function now()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

local threads = {}
function setup(thread)
  table.insert(threads, thread)
end

local requests, at = {}, 0
most = tonumber(os.getenv("BENCH_MOST") or "0")
answered, began, ended = 0, 0, 0
ok, empty, other = 0, 0, 0

function init(args)
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local path, cookie = line:match("^(.-)\t(.*)$")
    local headers = { ["Accept-Encoding"] = "gzip", ["Cookie"] = cookie }
    table.insert(requests, wrk.format("GET", path, headers))
  end
end

function request()
  if at == 0 then
    began = now()
  end
  at = at + 1
  return requests[(at - 1) % #requests + 1]
end

-- Looking at every answer costs the load generator time: only where answers are to be counted.
if most > 0 then
  function response(status, headers, body)
    answered = answered + 1
    if status == 200 then
      ok = ok + 1
    elseif status == 204 or status == 404 then
      empty = empty + 1
    else
      other = other + 1
    end
    if answered == most then
      ended = now()
      wrk.thread:stop()
    end
  end
end

function done(summary, latency, requests)
  local first = threads[1]
  local seconds = summary.duration / 1e6
  if first:get("ended") > 0 then
    seconds = first:get("ended") - first:get("began")
  end
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    "\nBENCH {\"seconds\": %.6f, \"requests\": %d, \"bytes\": %d, \"refused\": %d, \"failed\": %d, \"other\": %d, "
      .. "\"p50_s\": %.9f, \"p99_s\": %.9f, \"longest_s\": %.9f}\n",
    seconds, summary.requests, summary.bytes, summary.errors.status, failed, first:get("other"),
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6))
end
