#!/usr/bin/env python3
"""From the acknowledgement of an event to the change that it makes, at a steady rate: p50, p99 and the greatest of each round, and medians.

    cargo build --release --bin eql
    python3 bench/latency.py --eql target/release/eql [--rate 20000] [--seconds 20] [--call 200] [--segments 10] [--rounds 3]

Events of ten thousand users come at the rate, in calls of so many, and keep some segments busy: counts in rolling windows, an absence, a sequence. Ten times a
second one of a user who is new enters one of them, and the time until a subscriber over Server-Sent Events has read that is taken. Needs nothing but Python.
"""
import argparse
import json
import socket
import threading
import time

from followers import Server, body, median, paced, post

KINDS = [
    "DID [visit WHERE page = 'p{n}'] AT LEAST {k} TIMES DURING last 1 rolling days",
    "DID [visit WHERE page = 'p{n}'] AND NOT DID buy DURING last 7 days",
    "DID [visit WHERE page = 'p{n}'] -> WITHIN 1 hour buy",
    "sum(buy.amount DURING last 30 days) > {k}0",
]


def definitions(segments):
    text = ["DEFINE ENTITY user KEY user_id INT", "DEFINE EVENT visit OF user (page STRING)", "DEFINE EVENT buy OF user (amount INT)",
            "DEFINE STREAMING SEGMENT arrived OF user AS DID [visit WHERE page = 'probe']"]
    for i in range(segments - 1):
        text.append(f"DEFINE STREAMING SEGMENT s{i} OF user AS " + KINDS[i % len(KINDS)].format(n=i % 20, k=2 + i % 5))
    return "; ".join(text)


def calls(size):
    """Bodies in advance would repeat ids; these are made as they are sent, which one core does at about 200,000 events a second."""
    sent = 0
    while True:
        visit = '{"event":"visit","id":"l%d","user_id":%d,"page":"p%d"}'
        buy = '{"event":"buy","id":"l%d","user_id":%d,"amount":%d}'
        rows = [(buy if i % 10 == 0 else visit) % (i, i * 7919 % 10000, i % 20) for i in range(sent, sent + size)]
        sent += size
        yield "\n".join(rows).encode(), size


def listen(server, heard, ready):
    for line in server.follow("arrived").makefile("r"):
        now = time.perf_counter()
        if line.startswith("data: "):
            ready.set()
            row = json.loads(line[6:])
            if row["change"] == "enter":
                heard[row["entity"]] = now


def round_of(a):
    with Server(a.eql, definitions(a.segments)) as server:
        heard, acknowledged, ready, stop, reached = {}, {}, threading.Event(), threading.Event(), []
        threading.Thread(target=listen, args=(server, heard, ready), daemon=True).start()
        ready.wait(30)
        loader = threading.Thread(target=lambda: reached.append(paced(server.address, a.rate, calls(a.call), stop)))
        loader.start()
        # What comes first warms caches, and is not counted.
        time.sleep(2)
        cpu = server.cpu()
        probe, begun, key = socket.create_connection(server.address), time.perf_counter(), 1_000_000
        while time.perf_counter() - begun < a.seconds:
            key += 1
            post(probe, body([{"event": "visit", "id": f"p{key}", "user_id": key, "page": "probe"}]))
            acknowledged[key] = time.perf_counter()
            time.sleep(0.1)
        cpu = (server.cpu() - cpu) / (time.perf_counter() - begun)
        stop.set()
        loader.join()
        until = time.perf_counter() + 30
        while len(heard) < len(acknowledged) and time.perf_counter() < until:
            time.sleep(0.05)
        taken = sorted(max(0.0, heard[k] - acknowledged[k]) for k in acknowledged if k in heard)
        at = lambda share: round(taken[min(int(len(taken) * share), len(taken) - 1)] * 1e3, 1)
        return {"events_s": round(sum(reached)), "segments": a.segments, "probes": len(acknowledged), "missing": len(acknowledged) - len(taken),
                "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1), "server_cores": round(cpu, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", default="target/release/eql")
    parser.add_argument("--rate", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--call", type=int, default=200)
    parser.add_argument("--segments", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    rounds = []
    for _ in range(a.rounds):
        rounds.append(round_of(a))
        print(json.dumps(rounds[-1]), flush=True)
    print(json.dumps({"median": {key: median([r[key] for r in rounds]) for key in ("events_s", "p50_ms", "p99_ms", "max_ms", "server_cores")}}))


main()
