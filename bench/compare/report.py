"""What a table says of where its figures come from, and how it is written."""
import os
import platform
import resource
import shlex
import sys
import time
from pathlib import Path

from process import busy_seconds, memory_mb
from workers import PEERS


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def gigabytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


class Report:
    """Counts what others do on the machine from its beginning on, so that a table says whether it was made under load."""

    def __init__(self, given, workers=()):
        self.given, self.workers, self.rows, self.refused = given, list(workers), {}, []
        self.began, self.busy, self.own = time.perf_counter(), busy_seconds(), self.spent()

    def spent(self):
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        live = sum(w.cpu() - getattr(w, "before", 0.0) for w in self.workers if w.process.poll() is None)
        return time.process_time() + ended.ru_utime + ended.ru_stime + live

    def others(self):
        """Share of the processors that work of others took meanwhile."""
        seconds = (time.perf_counter() - self.began) * os.cpu_count()
        return max(0.0, busy_seconds() - self.busy - (self.spent() - self.own)) / seconds

    def head(self, what, versions=None):
        versions = versions or list(dict.fromkeys(w.about["version"] for w in self.workers))
        print(f"{what}\n\n{processor()}, {os.cpu_count()} cores, {gigabytes():.0f} GiB, Linux {platform.release()}. " + "; ".join(versions)
              + f". `{self.command()}`. Other work took {self.others():.0%} of the processors meanwhile.\n")

    def command(self):
        """The command without the places of this machine."""
        words, named = [Path(sys.argv[0]).name], {str(self.given.eql): "EQL", str(self.given.floor): "FLOOR"}
        for word in sys.argv[1:]:
            words.append(named.get(word) or ",".join(Path(one).name if "/" in one else one for one in word.split(",")))
        return "python3 bench/" + shlex.join(words)

    def refuse(self, question, words="EQL's answer differs from that of the others"):
        self.refused.append(question)
        print(f"{question} is not printed: {words}", file=sys.stderr)

    def end(self):
        """Ends the workers; an error when a row was refused."""
        for worker in self.workers:
            worker.close()
        if self.refused:
            sys.exit(f"not printed, because answers differ: {', '.join(self.refused)}")


def ms(seconds):
    if seconds is None:
        return "–"
    value = seconds * 1000
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def table(names, rows):
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def best_peer(figures, of=lambda f: f["seconds"]):
    """Name and figure of the fastest engine but EQL and the floor."""
    found = [(of(f), name) for name, f in figures.items() if name.split("-")[0] in PEERS]
    return min(found, default=(None, None))[::-1]


def ratio(a, b, of=None):
    """How many times; `of` names whose figure the first is."""
    return "–" if not a or not b else f"{a / b:.1f} ({of})" if of else f"{a / b:.1f}"


def peak_mb(figures, engine):
    return max((q[engine]["peak_mb"] for q in figures.values() if engine in q), default=0)


def resident_mb(pid):
    return memory_mb(pid, "VmRSS")
