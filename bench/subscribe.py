#!/usr/bin/env python3
"""A thousand subscribers of one segment, with and without a hundred that do not read: throughput of ingest, and of what reaches those who read.

    cargo build --release --bin eql
    python3 bench/subscribe.py --eql target/release/eql [--subscribers 1000] [--stuck 100] [--seconds 20] [--users 2000]

Each round has a server and a data directory of its own. Ingest sends calls of 100 events on 4 connections, as fast as they are acknowledged. Needs
nothing but Python; the file limit must allow two descriptors a subscriber.
"""
import argparse
import json
import selectors
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

DEFINE = """DEFINE ENTITY user KEY user_id INT; DEFINE EVENT visit OF user (page STRING);
DEFINE STREAMING SEGMENT keen OF user AS DID visit AT LEAST 2 TIMES;"""


def serve(eql, data):
    child = subprocess.Popen([eql, "serve", "--data", str(data), "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--log", "error"],
                             stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if "http://" in line:
            host, port = line.split("http://")[1].strip().rstrip("/").split(":")
            return child, (host, int(port))
    raise SystemExit("the server did not start")


def ingest(address, thread, users, stop, counts):
    sock = socket.create_connection(address)
    sent = call = 0
    while not stop.is_set():
        rows = [json.dumps({"event": "visit", "id": f"{thread}-{call}-{i}", "user_id": (call * 100 + i * 7 + thread) % users, "page": "p"})
                for i in range(100)]
        body = "\n".join(rows).encode()
        sock.sendall(b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += sock.recv(65536)
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = int([l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length")][0].split(b":")[1])
        while len(rest) < length:
            rest += sock.recv(65536)
        sent += 100
        call += 1
    counts.append(sent)


def subscribe(address):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(address)
    sock.sendall(b"GET /v1/segments/keen/changes HTTP/1.0\r\nhost: localhost\r\n\r\n")
    return sock


def rss(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def round_of(eql, subscribers, stuck, seconds, users):
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        subprocess.run([eql, "query", DEFINE, "--data", str(data)], check=True, stdout=subprocess.DEVNULL)
        child, address = serve(eql, data)
        try:
            selector = selectors.DefaultSelector()
            socks = [subscribe(address) for _ in range(subscribers)]
            for sock in socks[stuck:]:
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ)
            stop, counts = threading.Event(), []
            threads = [threading.Thread(target=ingest, args=(address, t, users, stop, counts)) for t in range(4)]
            changes = received = 0
            begun = time.perf_counter()
            for thread in threads:
                thread.start()
            while time.perf_counter() - begun < seconds:
                for key, _ in selector.select(0.2):
                    try:
                        got = key.fileobj.recv(1 << 16)
                    except BlockingIOError:
                        continue
                    received += len(got)
                    changes += got.count(b"event: change")
            stop.set()
            for thread in threads:
                thread.join()
            taken = time.perf_counter() - begun
            return {"subscribers": subscribers, "stuck": stuck, "events_s": round(sum(counts) / taken), "changes_s": round(changes / taken),
                    "received_mb": round(received / 1e6, 1), "server_mib": rss(child.pid)}
        finally:
            child.kill()
            child.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", default="target/release/eql")
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--stuck", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--users", type=int, default=2000)
    a = parser.parse_args()
    for subscribers, stuck in ((0, 0), (a.subscribers, 0), (a.subscribers, a.stuck)):
        print(json.dumps(round_of(a.eql, subscribers, stuck, a.seconds, a.users)), flush=True)


main()
