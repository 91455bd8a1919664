#!/usr/bin/env python3
"""From the acknowledgement of an event to the change that it makes, at a steady rate: p50, p99 and the greatest.

    cargo build --release --bin eql
    python3 bench/latency.py --eql target/release/eql [--rate 20000] [--seconds 20] [--call 200]

Events of ordinary users come at the rate; ten times a second one of a user who is new enters the segment, and the time until a subscriber over
Server-Sent Events reads that is taken. Needs nothing but Python.
"""
import argparse
import json
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

DEFINE = """DEFINE ENTITY user KEY user_id INT; DEFINE EVENT visit OF user (page STRING);
DEFINE STREAMING SEGMENT arrived OF user AS DID [visit WHERE page = 'probe'];"""


def serve(eql, data):
    child = subprocess.Popen([eql, "serve", "--data", str(data), "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--log", "error"],
                             stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if "http://" in line:
            host, port = line.split("http://")[1].strip().rstrip("/").split(":")
            return child, (host, int(port))
    raise SystemExit("the server did not start")


def post(sock, rows):
    body = "\n".join(json.dumps(r) for r in rows).encode()
    sock.sendall(b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(65536)
    head, _, rest = answer.partition(b"\r\n\r\n")
    length = int([l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length")][0].split(b":")[1])
    while len(rest) < length:
        rest += sock.recv(65536)


def load(address, rate, call, stop, counts):
    sock, sent, begun = socket.create_connection(address), 0, time.perf_counter()
    while not stop.is_set():
        post(sock, [{"event": "visit", "id": f"l{sent + i}", "user_id": (sent + i) % 10000, "page": "p"} for i in range(call)])
        sent += call
        ahead = sent / rate - (time.perf_counter() - begun)
        if ahead > 0:
            time.sleep(ahead)
    counts.append(sent / (time.perf_counter() - begun))


def listen(address, heard, ready):
    sock = socket.create_connection(address)
    sock.sendall(b"GET /v1/segments/arrived/changes HTTP/1.0\r\nhost: localhost\r\n\r\n")
    for line in sock.makefile("r"):
        now = time.perf_counter()
        if line.startswith("data: "):
            ready.set()
            row = json.loads(line[6:])
            if row["change"] == "enter":
                heard[row["entity"]] = now


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", default="target/release/eql")
    parser.add_argument("--rate", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--call", type=int, default=200)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        subprocess.run([a.eql, "query", DEFINE, "--data", str(data)], check=True, stdout=subprocess.DEVNULL)
        child, address = serve(a.eql, data)
        try:
            heard, acknowledged, ready, stop, counts = {}, {}, threading.Event(), threading.Event(), []
            threading.Thread(target=listen, args=(address, heard, ready), daemon=True).start()
            ready.wait(30)
            loader = threading.Thread(target=load, args=(address, a.rate, a.call, stop, counts))
            loader.start()
            probe, begun, key = socket.create_connection(address), time.perf_counter(), 1_000_000
            while time.perf_counter() - begun < a.seconds:
                key += 1
                post(probe, [{"event": "visit", "id": f"p{key}", "user_id": key, "page": "probe"}])
                acknowledged[key] = time.perf_counter()
                time.sleep(0.1)
            stop.set()
            loader.join()
            until = time.perf_counter() + 30
            while len(heard) < len(acknowledged) and time.perf_counter() < until:
                time.sleep(0.05)
            taken = sorted(max(0.0, heard[k] - acknowledged[k]) for k in acknowledged if k in heard)
            at = lambda share: round(taken[min(int(len(taken) * share), len(taken) - 1)] * 1e3, 1)
            print(json.dumps({"events_s": round(sum(counts)), "probes": len(acknowledged), "missing": len(acknowledged) - len(taken),
                              "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}))
        finally:
            child.kill()
            child.wait()


main()
