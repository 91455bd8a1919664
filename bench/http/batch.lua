-- wrk: a thousand events with eight properties a call.
local thread = 0
local sent = 0
function setup(t) t:set("number", thread); thread = thread + 1 end
function init() math.randomseed(number + 1) base = string.format("b%d-%d-", number, os.time()) end
function request()
  local rows = {}
  for i = 1, 1000 do
    sent = sent + 1
    rows[i] = string.format('{"event":"view","id":"%s%d","user_id":%d,"product_id":%d,"page":"home","price":1.5,"platform":"ios","quantity":1,"store":3,"campaign":"c1"}\n',
      base, sent, (sent * 7919) % 100000, sent % 1000)
  end
  return wrk.format("POST", "/v1/events", { ["content-type"] = "application/x-ndjson" }, table.concat(rows))
end
