#!/usr/bin/env python3
"""The same questions for EQL and its peers, warm, engine after engine in each round, so that a busy minute hits all alike.

    compare.py --eql BINARY [--data FOLDER | --events 10000000] [--threads 1,2] [--engines floor,eql,clickhouse,duckdb,polars,datafusion]

Makes the data (compare/data.py) and loads it into each engine when that was not done before; asks every way of every question once to check
that the answers agree (a way that differs is not timed; a question whose answer EQL gives differently is not printed), then in turn; prints
medians as tables of Markdown. Python packages: numpy, pyarrow, and of chdb, duckdb, polars, datafusion those that are to be compared.
"""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from questions import TITLES
from report import Report, best_peer, ms, peak_mb, ratio, table
from workers import start, warm


def look_ups(workers, meta, threads):
    """Engine → p50 and p99 of a thousand profiles with their last 50 events, one after another."""
    users = [random.Random(5).randint(1, meta["users"]) for _ in range(1000)]
    found = {}
    for worker in workers:
        if worker.about["looks_up"] and worker.threads[-1] == threads:
            worker.ask(do="look-ups", users=users[:50])
            found[worker.engine] = worker.ask(do="look-ups", users=users)
    return found


def rows(figures, names, of):
    """A row a question: each engine, and EQL beside the floor and the best peer."""
    for question, f in figures.items():
        at = lambda name: of(f[name]) if name in f else None
        best, value = best_peer(f, of)
        yield [TITLES[question], *(ms(at(n)) for n in names), ratio(at("eql"), at("floor")), ratio(value, at("eql"), best)]


def show(report, figures, profiles, threads):
    given, f = report.given, figures[threads]
    names = [e for e in given.engines if any(e in q for q in f.values())]
    report.head(f"{given.meta['events']:,} events, {threads} thread{'s' * (threads > 1)}, warm, medians of {given.rounds} in milliseconds; the fastest way of each engine.")
    lines = list(rows(f, names, lambda one: one["seconds"]))
    spread = lambda p: f"{ms(p['p50'])} / {ms(p['p99'])}" if "p50" in p else "–"
    if profiles:
        lines.append(["profile and last 50 events, p50 / p99", *(spread(profiles.get(n, {})) for n in names), "", ""])
    lines.append(["peak memory of the process, MB", *(f"{peak_mb(f, n):,.0f}" for n in names), "", ""])
    table(["question", *names, "EQL / floor", "best peer / EQL"], lines)
    print("The same in CPU time (user and system, all threads of the engine; what a machine with other work shows less wrongly):\n")
    table(["question", *names, "EQL / floor", "best peer / EQL"], rows(f, names, lambda one: one["cpu"]))


def measure(report, figures):
    given = report.given
    for question in given.questions:
        for threads in given.threads:
            found = warm(report.workers, question, threads, given.rounds)
            if found is None:
                report.refuse(question)
            else:
                figures[threads][question] = found
                print(f"  {question}, {threads}: " + ", ".join(f"{n} {ms(f['seconds'])}" for n, f in found.items()), file=sys.stderr, flush=True)


def main():
    given = options.read(options.parser(__doc__))
    workers = start(given)
    report, figures = Report(given, workers), {threads: {} for threads in given.threads}
    profiles = {}
    try:
        measure(report, figures)
        profiles = look_ups(workers, given.meta, given.threads[-1])
    except KeyboardInterrupt:
        print("  interrupted: what follows is what was there", file=sys.stderr)
    for threads in given.threads:
        show(report, figures, profiles if threads == given.threads[-1] else {}, threads)
    options.keep(given, {**figures, "look-ups": profiles})
    report.end()


if __name__ == "__main__":
    main()
