#!/usr/bin/env python3
"""The same questions for EQL and its peers, engine after engine in each round, so that a busy minute hits all alike.

    compare.py --eql BINARY [--data FOLDER | --events 10000000] [--threads 2] [--engines eql,clickhouse,duckdb,polars,datafusion]

Makes the data (compare/data.py) and loads it into each engine when that was not done before; asks every way of every question once to check
that the answers agree (a way that differs is not timed), then in turn; prints medians as a table of Markdown. Python packages: numpy, pyarrow, and of chdb,
duckdb, polars, datafusion those that are to be compared.
"""
import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "compare"
sys.path.insert(0, str(HERE))
from questions import TITLES


class Worker:
    def __init__(self, name, given, threads):
        command = [sys.executable, str(HERE / "worker.py"), name, str(given.data), str(threads), str(given.state), str(given.eql)]
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=HERE)
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "it ended"}

    def ask(self, **request):
        if self.process.poll() is not None:
            return {"error": "it ended"}
        self.process.stdin.write(json.dumps(request) + "\n")
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def check(workers, question):
    """The ways that gave the answer, with the times of the first asking."""
    found, expected = [], None
    for worker in workers:
        for way in worker.about["ways"].get(question, []):
            first = worker.ask(question=question, way=way, check=True)
            if "error" in first:
                print(f"  {question}: {worker.name} ({way}) cannot answer: {first['error'][:300]}", file=sys.stderr)
                continue
            expected = expected or first
            if first["hash"] != expected["hash"]:
                print(f"  {question}: {worker.name} ({way}) differs: {first['rows']} rows {first['first']} for {expected['rows']} rows {expected['first']}", file=sys.stderr)
                continue
            found.append((worker, way, first["seconds"]))
    return found


def timed(found, question, rounds):
    """Engine → (median seconds, way, peak MB, mean CPU seconds) of its fastest way."""
    best = {}
    for worker, _, seconds in found:
        best[worker.name] = min(seconds, best.get(worker.name, seconds))
    # A way far behind another of the same engine is left out after its first asking.
    live = [(w, way) for w, way, seconds in found if seconds <= 2 * best[w.name] + 0.02]
    times = {(w.name, way): [] for w, way in live}
    peaks, spent = {}, {key: [] for key in times}
    for _ in range(rounds):
        for worker, way in live:
            answer = worker.ask(question=question, way=way)
            if "seconds" in answer:
                times[worker.name, way].append(answer["seconds"])
                spent[worker.name, way].append(answer["cpu"])
                peaks[worker.name] = max(peaks.get(worker.name, 0), answer["peak_mb"])
    out = {}
    for (name, way), all_times in times.items():
        if all_times:
            median = statistics.median(all_times)
            if name not in out or median < out[name][0]:
                out[name] = (median, way, peaks[name], statistics.mean(spent[name, way]))
    return out


def show(seconds):
    ms = seconds * 1000
    return f"{ms:.1f}" if ms < 10 else f"{ms:,.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eql", type=Path, default=Path("target/release/eql"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--state", type=Path, default=Path("bench-data"), help="where data and loaded engines are kept")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--engines", default="eql,clickhouse,duckdb,polars,datafusion")
    parser.add_argument("--questions", default=",".join(TITLES))
    parser.add_argument("--cpu", action="store_true", help="also print the mean CPU time of each, in brackets")
    parser.add_argument("--json", type=Path, help="also write all figures here")
    given = parser.parse_args()
    given.eql, given.state = given.eql.resolve(), given.state.resolve()
    given.state.mkdir(parents=True, exist_ok=True)
    given.data = (given.data or given.state / f"shop-{given.events}").resolve()
    if not (given.data / "events.parquet").exists():
        subprocess.run([sys.executable, str(HERE / "data.py"), "--events", str(given.events), "--out", str(given.data)], check=True)
    meta = json.loads((given.data / "meta.json").read_text())
    workers = []
    for name in given.engines.split(","):
        worker = Worker(name, given, given.threads)
        if "error" in worker.about:
            print(f"  {name} does not run", file=sys.stderr)
        else:
            workers.append(worker)
    names = [w.name for w in workers]
    figures = {}
    print(f"{meta['events']:,} events, {given.threads} threads on {os.cpu_count()} cores ({platform.machine()}), warm, medians of {given.rounds} in milliseconds; "
          + "; ".join(w.about["version"] for w in workers) + ".\n")
    print("| question | " + " | ".join(names) + " | best peer / EQL |")
    print("|" + "---|" * (len(names) + 2))
    for question in given.questions.split(","):
        best = timed(check(workers, question), question, given.rounds)
        figures[question] = best
        peers = [b[0] for n, b in best.items() if n != "eql"]
        ratio = f"{min(peers) / best['eql'][0]:.1f}" if peers and "eql" in best else "–"
        cell = lambda n: show(best[n][0]) + (f" ({show(best[n][3])})" if given.cpu else "") if n in best else "–"
        print(f"| {TITLES[question]} | " + " | ".join(cell(n) for n in names) + f" | {ratio} |", flush=True)
    random.seed(5)
    users = [random.randint(1, meta["users"]) for _ in range(1000)]
    cells = []
    for worker in workers:
        if not worker.about["looks_up"]:
            cells.append("–")
            continue
        worker.ask(question="look-ups", users=users[:50])
        found = worker.ask(question="look-ups", users=users)
        figures.setdefault("look-ups", {})[worker.name] = found
        cells.append(f"{found['p50'] * 1000:.2f} / {found['p99'] * 1000:.2f}" if "p50" in found else "–")
    print("| profile and last 50 events, p50 / p99 | " + " | ".join(cells) + " | |")
    peak = {n: max((b[n][2] for q, b in figures.items() if q != "look-ups" and n in b), default=0) for n in names}
    print("| peak memory of the process, MB | " + " | ".join(f"{peak[n]:,.0f}" for n in names) + " | |")
    if given.json:
        given.json.write_text(json.dumps({"meta": meta, "threads": given.threads, "figures": figures}))
    for worker in workers:
        worker.close()


if __name__ == "__main__":
    main()
