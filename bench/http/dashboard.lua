-- wrk: the same question again and again.
local question = os.getenv("QUESTION") or "TREND count(view) AS n OF user EVERY day DURING '2026-11-01' TO '2026-11-30'"
function request()
  return wrk.format("POST", "/v1/query", { ["content-type"] = "application/json" }, '{"query":"' .. question .. '"}')
end
