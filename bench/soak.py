#!/usr/bin/env python3
"""A long run of one server with the same load all the time: events in calls of 500, profiles, journeys, questions. Prints its memory as it goes.

    soak.py --eql BINARY [--minutes 15] [--rate 10000] [--users 100000]

Memory grows with what is kept, so events are kept for a short time only (KEEP): after that as many go as come, and memory must stay level.
The last line compares the medians of the second and the last quarter of the run. Linux only (it reads /proc). No packages.
"""
import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
from process import memory_mb
from server import Server, run

SCHEMA = """DEFINE ENTITY user KEY user_id INT (city STRING, plan STRING);
DEFINE EVENT view OF user (page STRING, price DOUBLE, quantity INT) KEEP {keep} minutes;
DEFINE EVENT purchase OF user (amount DECIMAL(10,2)) KEEP {keep} minutes"""
QUESTIONS = [
    "FUNNEL view -> purchase WITHIN 1 hour DURING last 7 days",
    "TREND count(view) AS n, users(view) AS u EVERY hour DURING last 2 days",
    "FIND user WHERE DID purchase AT LEAST 2 TIMES DURING last 7 days |> AGGREGATE count(*) AS n",
    "SELECT count(*) AS n FROM view",
]


def call(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def write(base, o, until, done):
    n, start = 0, time.monotonic()
    while time.monotonic() < until:
        ahead = n / o.rate - (time.monotonic() - start)
        if ahead > 0:
            time.sleep(ahead)
        now = datetime.now(timezone.utc)
        rows = []
        for _ in range(500):
            at = (now - timedelta(seconds=random.expovariate(0.5))).isoformat()
            user = int(o.users * random.random() ** 2)
            if random.random() < 0.9:
                rows.append({"event": "view", "id": str(n), "time": at, "user_id": user, "page": f"/p/{user % 300}", "price": 9.5, "quantity": 1})
            else:
                rows.append({"event": "purchase", "id": str(n), "time": at, "user_id": user, "amount": "12.50"})
            n += 1
        try:
            done["events"] += call(f"{base}/v1/events", "\n".join(map(json.dumps, rows)).encode())["accepted"]
        except urllib.error.HTTPError as e:
            done[f"status {e.code}"] = done.get(f"status {e.code}", 0) + 1


def read(base, o, until, done):
    while time.monotonic() < until:
        user = random.randrange(o.users)
        for path in ("", "/journey?limit=50"):
            try:
                call(f"{base}/v1/entities/user/{user}{path}")
                done["profiles"] += 1
            except urllib.error.HTTPError as e:
                if e.code != 404:
                    raise
        time.sleep(0.005)


def ask(base, o, until, done):
    while time.monotonic() < until:
        for question in QUESTIONS:
            call(f"{base}/v1/query", json.dumps({"query": question}).encode())
            done["questions"] += 1
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--rate", type=float, default=10_000, help="events a second")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--keep", type=int, help="minutes that an event is kept; default: a fifth of the run")
    o = parser.parse_args()
    keep = o.keep or max(1, int(o.minutes / 5))
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "data")
        run(o.eql, "query", SCHEMA.format(keep=keep), "--data", data)
        with Server(o.eql, data) as server:
            watch(server, "http://%s:%d" % server.address, o, keep)


def watch(server, base, o, keep):
    done = {"events": 0, "profiles": 0, "questions": 0}
    begun = time.monotonic()
    until = begun + o.minutes * 60
    threads = [threading.Thread(target=work, args=(base, o, until, done)) for work in (write, read, read, ask)]
    [t.start() for t in threads]
    seen = []
    print(f"events are kept for {keep} minutes\n minute    MB      events   rows kept  profiles  questions")
    while time.monotonic() < until:
        time.sleep(min(15, max(0.1, until - time.monotonic())))
        seen.append((time.monotonic() - begun, memory_mb(server.pid, "VmRSS")))
        kept = call(f"{base}/v1/query", json.dumps({"query": "SELECT count(*) AS n FROM ANY EVENT"}).encode())["rows"][0][0]
        print(f"{seen[-1][0] / 60:7.2f}{seen[-1][1]:8.0f}{done['events']:12}{kept:12}{done['profiles']:10}{done['questions']:10}", flush=True)
    [t.join() for t in threads]
    quarter = len(seen) // 4
    second, last = (statistics.median(mb for _, mb in part) for part in (seen[quarter:2 * quarter], seen[3 * quarter:]))
    print(f"{ {k: v for k, v in done.items() if k.startswith('status')} or 'no call was refused'}")
    print(f"second quarter {second:.0f} MB, last quarter {last:.0f} MB: {100 * (last / second - 1):+.1f} %")


if __name__ == "__main__":
    main()
