-- wrk: one event a call, each with an id of its own.
local thread = 0
local sent = 0
function setup(t) t:set("number", thread); thread = thread + 1 end
function init() math.randomseed(number + 1) base = string.format("%d-%d-", number, os.time()) end
function request()
  sent = sent + 1
  local body = string.format('{"event":"view","id":"%s%d","user_id":%d,"product_id":%d,"page":"home","price":1.5,"platform":"ios","quantity":1,"store":3,"campaign":"c1"}',
    base, sent, math.random(0, 99999), math.random(0, 999))
  return wrk.format("POST", "/v1/events", { ["content-type"] = "application/x-ndjson" }, body)
end
