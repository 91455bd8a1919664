#!/usr/bin/env python3
"""The first question of a fresh process, with nothing of the data in memory: caches of decoded data empty, page cache dropped where that is permitted.

    cold.py --eql BINARY [--data FOLDER | --events 10000000] [--rounds 3] [--everything]

For each engine, question and round a process is started and opens what it keeps; then its files are dropped from the page cache, then the question is asked and
timed. The programs themselves stay there, unless `--everything` drops all that the machine has read (as root; an engine with a larger program then waits longer). EQL
reads its parts, ClickHouse and DuckDB their own files or Parquet, Polars and DataFusion Parquet. The time to open is a table of its own, and so is how
much lies on the disk and was fetched from it.
"""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from process import bytes_below, drop_from_page_cache
from questions import TITLES
from report import Report, best_peer, ms, ratio, table
from workers import Agreed, Worker, fastest, start

ENGINES = ["eql", "clickhouse-parquet", "duckdb-parquet", "polars", "datafusion", "clickhouse", "duckdb"]
OVER_PARQUET = ["clickhouse-parquet", "duckdb-parquet", "polars", "datafusion"]


def once(given, engine, way, question, threads):
    """A fresh process asked once: seconds, CPU seconds, and the time that it took to open."""
    worker = Worker(engine, given, [threads])
    drop_from_page_cache(worker.about["files"], given.everything)
    answer = worker.ask(question=question, way=way, threads=threads)
    worker.close()
    return answer | {"open": worker.about["open_seconds"]}


def measured(given, threads):
    """Question → engine → figures; the ways that agree are found in processes that stay, the fastest of them is asked cold."""
    workers = start(given, [threads])
    report, figures, sizes = Report(given, workers), {}, {w.engine: sum(bytes_below(f) for f in w.about["files"]) for w in workers}
    agreed = {question: Agreed(workers, question, threads) for question in given.questions}
    for worker in workers:
        worker.close()
    for question, found in agreed.items():
        if found.refused:
            report.refuse(question)
            continue
        best = {}
        for worker, way, seconds in sorted(found.found, key=lambda f: -f[2]):
            best[worker.engine] = way
        times = {(engine, way): [] for engine, way in best.items()}
        for _ in range(given.rounds):
            for engine, way in random.sample(sorted(best.items()), len(best)):
                answer = once(given, engine, way, question, threads)
                if "seconds" in answer:
                    times[engine, way].append(answer)
        figures[question] = fastest(times)
        for engine, f in figures[question].items():
            f["open"] = min(a["open"] for a in times[engine, f["way"]])
            f["disk_mb"] = max(a["disk_mb"] for a in times[engine, f["way"]])
        print(f"  {question}: " + ", ".join(f"{n} {ms(f['seconds'])}" for n, f in figures[question].items()), file=sys.stderr, flush=True)
    return report, figures, sizes


def show(report, figures, sizes, threads):
    given = report.given
    names = [e for e in given.engines if any(e in f for f in figures.values())]
    dropped = "the page cache of the machine dropped" if given.everything else "its files dropped from the page cache"
    report.head(f"{given.meta['events']:,} events, {threads} thread{'s' * (threads > 1)}, cold: a fresh process, {dropped}; medians of {given.rounds} in milliseconds, CPU time in brackets.")
    lines = []
    for question, f in figures.items():
        parquet = {n: f[n] for n in f if n in OVER_PARQUET}
        best, seconds = best_peer(parquet)
        _, cpu = best_peer(parquet, lambda one: one["cpu"])
        eql = f.get("eql", {})
        lines.append([TITLES[question], *(f"{ms(f[n]['seconds'])} ({ms(f[n]['cpu'])})" if n in f else "–" for n in names),
                      ratio(seconds, eql.get("seconds"), best), ratio(cpu, eql.get("cpu"))])
    opens = lambda n: min((f[n]["open"] for f in figures.values() if n in f), default=None)
    lines.append(["time to open", *(ms(opens(n)) for n in names), "", ""])
    fetched = lambda n: max((f[n]["disk_mb"] for f in figures.values() if n in f), default=0)
    lines.append(["most fetched from the disk for a question, MB", *(f"{fetched(n):,.0f}" for n in names), "", ""])
    lines.append(["on disk, MB", *(f"{sizes[n] / 1e6:,.0f}" for n in names), "", ""])
    table(["question", *names, "best over Parquet / EQL", "the same in CPU time"], lines)


def main():
    parser = options.parser(__doc__, engines=ENGINES, rounds=3, threads="2")
    parser.add_argument("--everything", action="store_true", help="drop all that the machine has read, programs too; needs root")
    given = options.read(parser)
    for threads in given.threads:
        report, figures, sizes = measured(given, threads)
        show(report, figures, sizes, threads)
        options.keep(given, figures)
        report.end()


if __name__ == "__main__":
    main()
