#!/usr/bin/env python3
"""A thousand subscribers of one segment, with and without a hundred that do not read: throughput of ingest, and of what reaches those who read.

    cargo build --release --bin eql
    python3 bench/subscribe.py --eql target/release/eql [--subscribers 1000] [--stuck 100] [--seconds 20] [--every 1000] [--rate 0] [--rounds 3]

Each round has a server and a data directory of its own, and the kinds of rounds take turns: nobody, subscribers who all read, as many of whom some do not. Ingest
sends calls of 100 events on 4 connections from a process of its own, as fast as they are acknowledged or at a `--rate` of events a second. One event in `--every` makes a
change, which all subscribers are told: at a thousand of them that is one change told for each event. `cost_percent` is what ingest loses to those who do not read: medians of
rounds, against rounds with as many subscribers who all read. Needs nothing but Python; the file limit must allow two descriptors a subscriber.
"""
import argparse
import json
import multiprocessing
import resource
import selectors
import socket
import threading
import time

from followers import Server, median, post

DEFINE = """DEFINE ENTITY user KEY user_id INT; DEFINE EVENT visit OF user (page STRING);
DEFINE STREAMING SEGMENT keen OF user AS DID [visit WHERE page = 'q'];"""


def ingest(address, thread, a, until, counts):
    """Events of ordinary users; each one that makes a change is of a user who is new."""
    sock, sent, begun, times = socket.create_connection(address), 0, time.time(), []
    row = '{"event":"visit","id":"%d-%d","user_id":%d,"page":"%s"}'
    while time.time() < until:
        some = ((i, i % a.every == 0) for i in range(sent, sent + 100))
        rows = [row % (thread, i, 1_000_000 * (thread + 1) + i if new else i * 7919 % 100_000, "q" if new else "p") for i, new in some]
        called = time.perf_counter()
        post(sock, "\n".join(rows).encode())
        times.append(time.perf_counter() - called)
        sent += 100
        ahead = sent / (a.rate / 4) - (time.time() - begun) if a.rate else 0
        if ahead > 0:
            time.sleep(ahead)
    counts.put((sent, sorted(times)))


def ingest_all(address, a, until, counts):
    threads = [threading.Thread(target=ingest, args=(address, t, a, until, counts)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def round_of(a, subscribers, stuck):
    with Server(a.eql, DEFINE) as server:
        selector = selectors.DefaultSelector()
        # Those that do not read have small buffers, so that they are stuck soon.
        socks = [server.follow("keen", 4096 if i < stuck else None) for i in range(subscribers)]
        for sock in socks[stuck:]:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        counts, begun, cpu = multiprocessing.Queue(), time.time(), server.cpu()
        load = multiprocessing.Process(target=ingest_all, args=(server.address, a, begun + a.seconds, counts))
        load.start()
        changes = received = 0
        while load.is_alive() and counts.qsize() < 4:
            for key, _ in selector.select(0.2):
                try:
                    got = key.fileobj.recv(1 << 16)
                except BlockingIOError:
                    continue
                received += len(got)
                changes += got.count(b"event: change")
        taken = time.time() - begun
        done = [counts.get() for _ in range(4)]
        load.join()
        events, times = sum(sent for sent, _ in done), sorted(t for _, some in done for t in some)
        return {"subscribers": subscribers, "stuck": stuck, "events_s": round(events / taken), "ack_p50_ms": round(times[len(times) // 2] * 1e3, 1),
                "ack_p99_ms": round(times[len(times) * 99 // 100] * 1e3, 1), "told_s": round(changes / taken), "received_mb": round(received / 1e6, 1), "server_mib": server.status("VmHWM"), "server_cores": round((server.cpu() - cpu) / taken, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", default="target/release/eql")
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--stuck", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--every", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * a.subscribers + 200)), hard))
    kinds = ((0, 0), (a.subscribers, 0), (a.subscribers, a.stuck))
    rounds = {kind: [] for kind in kinds}
    for _ in range(a.rounds):
        for kind in kinds:
            rounds[kind].append(round_of(a, *kind))
            print(json.dumps(rounds[kind][-1]), flush=True)
    events = {kind: median([r["events_s"] for r in rounds[kind]]) for kind in kinds}
    print(json.dumps({"median": {f"{n} subscribers, {stuck} stuck": events[(n, stuck)] for n, stuck in kinds},
                      "cost_percent": round(100 * (1 - events[kinds[2]] / events[kinds[1]]), 1)}))


if __name__ == "__main__":
    main()
