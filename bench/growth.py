#!/usr/bin/env python3
"""The same questions over one, ten and fifty million events: what five times as many cost.

    growth.py --eql BINARY [--data 1m,10m,50m | --sizes 1000000,10000000,50000000] [--engines eql,clickhouse,duckdb]

`--data` takes folders, the sets of `--sizes` are made. Growth of 5.0 from ten to fifty million is linear.
"""
import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
import options
from questions import TITLES
from report import Report, best_peer, ms, peak_mb, ratio, table
from workers import start, warm


def one_size(given, data, report_of):
    """Question → engine → figures over one set of data."""
    given = argparse.Namespace(**{**vars(given), "data": data})
    workers, threads, figures = start(given, given.threads[-1:]), given.threads[-1], {}
    report_of.workers = workers
    for question in given.questions:
        found = warm(workers, question, threads, given.rounds)
        if found is None:
            report_of.refuse(question)
        else:
            figures[question] = found
            print(f"  {data.name}, {question}: " + ", ".join(f"{n} {ms(f['seconds'])}" for n, f in found.items()), file=sys.stderr, flush=True)
    versions = [w.about["version"] for w in workers]
    for worker in workers:
        worker.close()
    report_of.workers = []
    return figures, versions


def main():
    parser = options.parser(__doc__, engines=["floor", "eql", "clickhouse", "duckdb", "polars"], rounds=3, threads="2")
    parser.add_argument("--sizes", default="1000000,10000000,50000000")
    given = options.settled(parser)
    sets = [Path(d).resolve() for d in given.data.split(",")] if given.data else [options.made(None, int(n), given.state) for n in given.sizes.split(",")]
    report, all_figures, versions = Report(given), [], []
    for data in sets:
        figures, versions = one_size(given, data, report)
        all_figures.append(figures)
    events = [json.loads((d / "meta.json").read_text())["events"] for d in sets]
    given.meta = {"events": events}
    report.head(f"{' → '.join(f'{n:,}' for n in events)} events, {given.threads[-1]} threads, warm, medians of {given.rounds} in milliseconds.", versions)
    at = lambda k, q, engine: all_figures[k].get(q, {}).get(engine, {}).get("seconds")
    last = len(sets) - 1
    times = events[last] / events[last - 1]
    lines = []
    for question in given.questions:
        best = [best_peer(f.get(question, {})) for f in all_figures]
        lines.append([TITLES[question], *(ms(at(k, question, "eql")) for k in range(len(sets))), ratio(at(last, question, "eql"), at(last - 1, question, "eql")),
                      ratio(at(last, question, "floor"), at(last - 1, question, "floor")), ratio(best[last][1], at(last - 1, question, best[last][0]), best[last][0]),
                      ", ".join(ratio(seconds, at(k, question, "eql")) for k, (_, seconds) in enumerate(best))])
    lines.append(["peak memory of the process, MB", *(f"{peak_mb(f, 'eql'):,.0f}" for f in all_figures), "", "", "", ""])
    table(["EQL", *(f"{n:,}" for n in events), f"growth for {times:.0f} times as many", "growth of the floor", "growth of the best peer", "best peer / EQL, by size"], lines)
    options.keep(given, dict(zip(map(str, events), all_figures)))
    report.end()


if __name__ == "__main__":
    main()
