#!/usr/bin/env python3
"""Sixteen clients at once: questions a second, and how long the slowest hundredth waits; then the same with profiles.

    clients.py --eql BINARY [--data FOLDER | --events 10000000] [--clients 16] [--seconds 20]

Every client asks the next question of the mix as soon as it has the answer to the last one, each beginning with another. EQL is asked over HTTP, each client
on a connection of its own; ClickHouse and DuckDB in process, each client in a thread of its own. Before the clock starts each client asks one question and its answer is checked.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from report import Report, ms, ratio, table
from workers import Agreed, start

MIX = ["funnel_3", "funnel_3_city", "retention", "segment", "trend", "attribution", "rfm", "overlap", "sequence"]
ENGINES = ["eql", "clickhouse", "duckdb"]


def asked(worker, agreed, given, threads, number, mix):
    """Figures of one engine; `mix` are the questions, none for profiles."""
    best = {}
    for question in mix:
        own = [(seconds, way) for w, way, seconds in agreed[question].found if w is worker]
        if not own:
            return {"error": f"no right answer to {question}"}
        best[question] = min(own)[1]
    return worker.ask(do="clients", clients=number, seconds=given.seconds, threads=threads, ways=best, users=given.meta["users"],
                      hashes={question: agreed[question].hash for question in mix})


def rows(workers, found):
    for what, figures in found.items():
        for worker in workers:
            f = figures[worker.engine]
            if "error" in f:
                yield [what, worker.engine, f"not printed: {f['error'][:120]}", "", "", "", ""]
                continue
            eql = figures.get("eql", {}).get("a_second")
            yield [what, worker.engine, f"{f['a_second']:,.1f}", ms(f["p50"]), ms(f["p99"]), ms(f["cpu"]), "" if worker.engine == "eql" else ratio(eql, f["a_second"])]


def main():
    parser = options.parser(__doc__, engines=ENGINES, questions=MIX, threads="2")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20)
    given = options.read(parser)
    threads, workers = given.threads[-1], start(given, given.threads[-1:])
    report, agreed = Report(given, workers), {}
    for question in given.questions:
        agreed[question] = Agreed(workers, question, threads)
        if agreed[question].refused:
            report.refuse(question)
    mix, found = [q for q in given.questions if q not in report.refused], {}
    for number in (1, given.clients):
        found[f"questions, {number} client{'s' * (number > 1)}"] = {w.engine: asked(w, agreed, given, threads, number, mix) for w in workers}
    look_ups = [w for w in workers if w.about["looks_up"]]
    found[f"profiles, {given.clients} clients"] = {w.engine: asked(w, {}, given, threads, given.clients, []) for w in look_ups}
    report.head(f"{given.meta['events']:,} events; {given.seconds:.0f} seconds each; a question may work on {threads} threads; a mix of {len(mix)} questions; milliseconds.")
    table(["asked by", "engine", "a second", "p50", "p99", "CPU an answer", "EQL is so many times as fast"], rows(workers, found))
    options.keep(given, found)
    report.end()


if __name__ == "__main__":
    main()
