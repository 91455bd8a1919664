#!/usr/bin/env python3
"""Memory: the most that a process holds for each question, and questions of a server that may hold little.

    memory.py --eql BINARY [--data FOLDER | --events 50000000] [--limit 512]

First, each engine in a fresh process: resident after it opened, and the most while each question ran (the kernel's own count). Then EQL in a control group of
so many MiB, with its own limits below that: each question must end with the right answer, or say in an error that the memory does not do. Control groups need root;
without them the server runs with its own limits alone, and what it took is shown. DuckDB is asked the same way.
"""
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from process import memory_mb
from questions import TITLES
from report import Report, ms, table
from workers import Worker

ENGINES = ["eql", "clickhouse", "duckdb", "polars", "datafusion"]


def peaks(given, engine, threads):
    """Question → most MB; and the hash that it answered with."""
    worker, found = Worker(engine, given, [threads]), {}
    if "error" in worker.about:
        return None
    resident = memory_mb(worker.about["pid"], "VmRSS")
    for question in given.questions:
        best = None
        for way in worker.about["ways"].get(question, []):
            answer = worker.ask(question=question, way=way, threads=threads, check=True)
            if "error" not in answer and (best is None or answer["seconds"] < best["seconds"]):
                best = answer | {"way": way}
        if best:
            found[question] = best
    worker.close()
    return {"open": resident, "questions": found, "version": worker.about["version"]}


@contextmanager
def group(megabytes):
    """A command that runs another one in a control group of so much memory, or nothing where groups are not permitted."""
    root = Path("/sys/fs/cgroup")
    place, limit, members = ((root / "memory", "memory.limit_in_bytes", "tasks") if (root / "memory").is_dir() else (root, "memory.max", "cgroup.procs"))
    place = place / f"eql-bench-{os.getpid()}"
    try:
        place.mkdir()
        (place / limit).write_text(str(megabytes << 20))
    except OSError:
        yield (), None
        return
    try:
        yield ("sh", "-c", f'echo $$ > {place / members} && exec "$@"', "sh"), place
    finally:
        for _ in range(50):
            try:
                place.rmdir()
                break
            except OSError:
                time.sleep(0.1)


def killed(place):
    """How often the kernel ended a process of the group, for want of memory."""
    for name in ("memory.oom_control", "memory.events"):
        if place and (place / name).exists():
            for line in (place / name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


def bounded(given, engine, fastest, hashes, threads):
    """Question → seconds, most MB and what became of it, each in a process of its own."""
    given.flags = ["--memory-bytes", f"{given.limit // 2}MiB", "--set", f"limits.read_cache_bytes={given.limit // 4}MiB", "--set", "limits.result_cache_bytes=1MiB"]
    found = {}
    for question in fastest:
        with group(given.limit) as (within, place):
            given.within = list(within)
            given.memory_mb = given.limit
            worker = Worker(engine, given, [threads])
            opened, way = "ways" in worker.about, fastest[question]["way"]
            answer = worker.ask(question=question, way=way, threads=threads, check=True) if opened else {"error": "it did not open"}
            worker.close()
            if killed(place):
                answer = {"error": "killed by the kernel, for want of memory"}
            elif "hash" in answer and answer["hash"] != hashes.get(question):
                answer = {"error": f"WRONG: {answer['rows']} rows {answer['first']}"}
            found[question] = answer
            print(f"  {question}, {engine} in {given.limit} MiB: {answer.get('error') or ms(answer['seconds'])}", file=sys.stderr, flush=True)
    given.within, given.flags, given.memory_mb = [], [], None
    return found


def main():
    parser = options.parser(__doc__, engines=ENGINES, threads="2")
    parser.add_argument("--limit", type=int, default=512, help="MiB of the second table")
    given = options.read(parser)
    threads, report, found = given.threads[-1], Report(given), {}
    for engine in given.engines:
        if one := peaks(given, engine, threads):
            found[engine] = one
            print(f"  {engine}: " + ", ".join(f"{q} {a['peak_mb']:,.0f}" for q, a in one["questions"].items()), file=sys.stderr, flush=True)
    hashes = {}
    for question in given.questions:
        told = [f["questions"][question]["hash"] for f in found.values() if question in f["questions"]]
        hashes[question] = max(told, key=told.count, default=None)
        if question in found.get("eql", {}).get("questions", {}) and found["eql"]["questions"][question]["hash"] != hashes[question]:
            report.refuse(question)
    rows = [[TITLES[q], *(f"{f['questions'][q]['peak_mb']:,.0f}" if q in f["questions"] else "–" for f in found.values())] for q in given.questions if q not in report.refused]
    limited = {engine: bounded(given, engine, found[engine]["questions"], hashes, threads) for engine in ("eql", "duckdb") if engine in found}
    report.head(f"{given.meta['events']:,} events, {threads} threads; most megabytes resident while a question runs, one after another in one process.", [f["version"] for f in found.values()])
    table(["question", *found], [["after opening", *(f"{f['open']:,.0f}" for f in found.values())], *rows])
    print(f"In a control group of {given.limit} MiB, a fresh process for each question; seconds, and the most MB resident:\n")
    cell = lambda a: f"{a['seconds']:.2f} s, {a['peak_mb']:,.0f} MB" if "seconds" in a else a["error"][:160].replace("|", "/")
    table(["question", *limited], [[TITLES[q], *(cell(f[q]) if q in f else "–" for f in limited.values())] for q in given.questions])
    options.keep(given, {"peaks": found, "bounded": limited})
    report.end()


if __name__ == "__main__":
    main()
