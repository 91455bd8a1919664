"""Power loss, simulated on a real file system: a server writes to an ext4 image, is stopped at a random moment, the image is copied as it is
(what the file system had given to the device), the copy is mounted and opened. Every acknowledged event must be there, once.

    sudo python3 bench/power_loss.py --eql target/release/eql --trials 10

Needs root, for loop devices. After the copy the writer is killed, so nothing it did later counts.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

SCHEMA = "DEFINE ENTITY user KEY user_id INT (city STRING); DEFINE EVENT view OF user (page STRING)"
HTTP, FLIGHT = 18195, 15195


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def send(trial, thread, acknowledged, stop):
    connection = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=20)
    call = 0
    while not stop.is_set():
        ids = [f"{trial}-{thread}-{call}-{i}" for i in range(50)]
        rows = [json.dumps({"event": "view", "id": x, "user_id": i, "time": "2026-01-01"}) for i, x in enumerate(ids)]
        try:
            connection.request("POST", "/v1/events", "\n".join(rows), {"content-type": "application/x-ndjson"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return
        if answer.status == 200:
            acknowledged.extend(ids)
        call += 1


def one(eql, trial, place):
    image, copy, disk, other = place / "disk.img", place / "copy.img", place / "disk", place / "other"
    run("dd", "if=/dev/zero", f"of={image}", "bs=1M", "count=256")
    run("mkfs.ext4", "-q", "-F", image)
    disk.mkdir(exist_ok=True)
    other.mkdir(exist_ok=True)
    run("mount", "-o", "loop", image, disk)
    run(eql, "query", SCHEMA, "--data", disk / "data")
    run("sync")
    serve = [eql, "serve", "--data", disk / "data", "--http", f"127.0.0.1:{HTTP}", "--flight", f"127.0.0.1:{FLIGHT}"]
    server = subprocess.Popen([str(c) for c in serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    acknowledged, stop = [], threading.Event()
    for thread in range(4):
        threading.Thread(target=send, args=(trial, thread, acknowledged, stop), daemon=True).start()
    time.sleep(1 + 3 * random.random())
    os.kill(server.pid, signal.SIGSTOP)
    promised = set(acknowledged)
    shutil.copyfile(image, copy)
    stop.set()
    server.kill()
    server.wait()
    run("umount", disk)
    run("mount", "-o", "loop", copy, other)
    found = run(eql, "query", "SELECT event_id FROM view", "--data", other / "data", "--format", "ndjson")
    ids = [json.loads(line)["event_id"] for line in found.splitlines()]
    damaged = subprocess.run([str(eql), "admin", "verify", "--data", str(other / "data")], capture_output=True).returncode
    run("umount", other)
    lost, twice = promised - set(ids), len(ids) - len(set(ids))
    print(f"trial {trial}: {len(promised)} acknowledged, {len(ids)} there, {len(lost)} lost, {twice} twice, verify {damaged}", flush=True)
    return not lost and not twice and not damaged


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--eql", required=True, type=lambda p: Path(p).resolve())
    arguments.add_argument("--trials", type=int, default=10)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        results = [one(given.eql, trial, Path(place)) for trial in range(given.trials)]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
