-- wrk: one profile a call. Set EVENTS=50 to ask for its last events, too.
local events = os.getenv("EVENTS")
function init() math.randomseed(os.time()) end
function request()
  local path = "/v1/entities/user/" .. math.random(0, 99999)
  if events then path = path .. "?events=" .. events end
  return wrk.format("GET", path)
end
