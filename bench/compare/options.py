"""Options that the tables share, and the data they are made of."""
import argparse
import json
import subprocess
import sys
from pathlib import Path

from questions import TITLES
from workers import ENGINES, HERE


def parser(words, engines=ENGINES, questions=tuple(TITLES), rounds=5, threads="1,2"):
    found = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--eql", type=Path, default=Path("target/release/eql"))
    found.add_argument("--floor", type=Path, help="the program of bench/floor; default: beside EQL")
    found.add_argument("--data", help="files of your own (compare/data.py says which)")
    found.add_argument("--events", type=int, default=1_000_000, help="how many to make where no --data is given")
    found.add_argument("--state", type=Path, default=Path("bench-data"), help="where data and loaded engines are kept")
    found.add_argument("--threads", default=threads, help="numbers of threads, one table each")
    found.add_argument("--rounds", type=int, default=rounds)
    found.add_argument("--engines", default=",".join(engines))
    found.add_argument("--questions", default=",".join(questions))
    found.add_argument("--json", type=Path, help="also write all figures here")
    return found


def settled(parser):
    """The options, with paths made whole and lists taken apart."""
    given = parser.parse_args()
    given.eql, given.state = given.eql.resolve(), given.state.resolve()
    given.floor = (given.floor or given.eql.parent / "eql-floor").resolve()
    given.state.mkdir(parents=True, exist_ok=True)
    given.threads = [int(t) for t in given.threads.split(",")]
    given.engines, given.questions = given.engines.split(","), given.questions.split(",")
    if not given.floor.exists() and "floor" in given.engines:
        print("  no floor: cargo build --release -p eql-floor", file=sys.stderr)
        given.engines.remove("floor")
    return given


def read(parser):
    """The same, with the data there."""
    given = settled(parser)
    given.data = made(given.data, given.events, given.state)
    given.meta = json.loads((given.data / "meta.json").read_text())
    return given


def made(data, events, state):
    data = Path(data or state / f"shop-{events}").resolve()
    if not (data / "events.parquet").exists():
        subprocess.run([sys.executable, str(HERE / "data.py"), "--events", str(events), "--out", str(data)], check=True)
    return data


def keep(given, figures):
    if given.json:
        given.json.write_text(json.dumps({"meta": given.meta, "figures": figures}))
