"""Engines in processes of their own, asked in turn; which of their answers agree; medians."""
import json
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

from process import cpu_seconds

HERE = Path(__file__).resolve().parent
PEERS = ["clickhouse", "duckdb", "polars", "datafusion"]
ENGINES = ["floor", "eql", *PEERS]


class Worker:
    """A process with one engine. `threads` are the numbers of threads that it may be asked to work on."""

    def __init__(self, engine, given, threads):
        self.engine, self.threads, self.spent, self.pids = engine, threads, 0.0, []
        given = vars(given)
        within = given.get("within", [])
        asked = {"engine": engine, "threads": threads[0], "flags": given.get("flags", []), "memory_mb": given.get("memory_mb"), "within": within}
        asked |= {name: str(given[name]) for name in ("data", "state", "eql", "floor")}
        # EQL works in a process of its own: what it runs within is for that one.
        command = [*(within if engine != "eql" else []), sys.executable, str(HERE / "worker.py"), json.dumps(asked)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL if engine == "polars" else None, text=True, bufsize=1, cwd=HERE, start_new_session=True)
        self.about = self.read()
        self.pids = sorted({self.process.pid, self.about.get("pid", self.process.pid)})
        self.before = self.cpu()

    def cpu(self):
        """CPU seconds of the worker and its engine so far."""
        try:
            self.spent = sum(cpu_seconds(pid) for pid in self.pids)
        except OSError:
            pass
        return self.spent

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "it ended"}

    def ask(self, **request):
        if self.process.poll() is not None:
            return {"error": "it ended"}
        self.process.stdin.write(json.dumps(request) + "\n")
        return self.read()

    def close(self):
        self.cpu()
        if self.process.poll() is None:
            self.process.stdin.close()
        self.process.wait()


def start(given, threads=None):
    """A worker for each engine; one for each number of threads where an engine cannot change it."""
    threads, found = threads or given.threads, []
    for engine in given.engines:
        for some in [[t] for t in threads] if engine == "polars" else [threads]:
            worker = Worker(engine, given, some)
            if "error" in worker.about:
                print(f"  {engine} does not run", file=sys.stderr)
            else:
                found.append(worker)
    return found


def ways(workers, question, threads):
    return [(w, way) for w in workers if threads in w.threads for way in w.about["ways"].get(question, [])]


class Agreed:
    """The ways of a question whose answers agree: the answer of most engines. `refused` tells why EQL's is not among them."""

    def __init__(self, workers, question, threads):
        self.found, self.refused, self.hash = [], None, None
        first = [(worker, way, worker.ask(question=question, way=way, threads=threads, check=True)) for worker, way in ways(workers, question, threads)]
        says = lambda w, way, words: print(f"  {question}: {w.engine} ({way}) {words}", file=sys.stderr)
        for worker, way, answer in first:
            if "error" in answer:
                says(worker, way, f"cannot answer: {answer['error'][:300]}")
        first = [f for f in first if "error" not in f[2]]
        votes = Counter(h for _, h in {(w.engine, a["hash"]) for w, _, a in first})
        if not votes:
            return
        self.hash = votes.most_common(1)[0][0]
        agreed = next(a for _, _, a in first if a["hash"] == self.hash)
        for worker, way, answer in first:
            if answer["hash"] == self.hash:
                self.found.append((worker, way, answer["seconds"]))
                continue
            words = f"differs: {answer['rows']} rows {answer['first']} for {agreed['rows']} rows {agreed['first']}"
            says(worker, way, words)
            if worker.engine == "eql":
                self.refused = words

    def near_best(self):
        """A way far behind another of the same engine is left out after its first asking."""
        best = {}
        for worker, _, seconds in self.found:
            best[worker.engine] = min(seconds, best.get(worker.engine, seconds))
        return [(w, way) for w, way, seconds in self.found if seconds <= 2 * best[w.engine] + 0.02]


def fastest(times):
    """(engine, way) → answers, as engine → figures of its fastest way."""
    out = {}
    for (engine, way), answers in times.items():
        if not answers:
            continue
        median = statistics.median(a["seconds"] for a in answers)
        if engine not in out or median < out[engine]["seconds"]:
            out[engine] = {"seconds": median, "way": way, "cpu": statistics.median(a["cpu"] for a in answers), "peak_mb": max(a["peak_mb"] for a in answers),
                           "all": [a["seconds"] for a in answers]}
    return out


def warm(workers, question, threads, rounds):
    """Engine → seconds, way, cpu, peak_mb of its fastest way, by medians; None where EQL's answer differs from that of the others."""
    agreed = Agreed(workers, question, threads)
    if agreed.refused:
        return None
    live = agreed.near_best()
    times = {(w.engine, way): [] for w, way in live}
    for _ in range(rounds):
        for worker, way in live:
            answer = worker.ask(question=question, way=way, threads=threads)
            if "seconds" in answer:
                times[worker.engine, way].append(answer)
    return fastest(times)
