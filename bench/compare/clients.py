"""Clients at once: each asks the next thing as soon as it has the answer to the last one."""
import sys
import threading
import time
from random import Random

from process import cpu_seconds


def spread(times):
    times = sorted(times)
    at = lambda share: times[min(int(len(times) * share), len(times) - 1)]
    return {"n": len(times), "p50": at(0.5), "p99": at(0.99), "max": times[-1]}


def measure(engine, request, checked):
    """Calls a second and the spread of their times. `ways` are the questions of the mix with the way to ask each, in turn, every client from another one on;
    without any, clients look up profiles. Before the clock starts every client asks one question, all at the same time, and the answers are checked."""
    number, seconds, mix = request["clients"], request["seconds"], [(q, dict(engine.ways[q])[way]) for q, way in request["ways"].items()]
    threads, users = request["threads"], request["users"]
    sys.setswitchinterval(0.0005)
    start, times, wrong = threading.Barrier(number + 1), [[] for _ in range(number)], []

    def client(i):
        own, random = engine.client(), Random(i)
        try:
            for question, way in [mix[i % len(mix)]] if mix else []:
                found = checked(question, own.ask(way, threads))
                if found["hash"] != request["hashes"][question]:
                    wrong.append(f"{question}: {found['rows']} rows {found['first']}")
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {str(error)[:300]}")
        start.wait()
        until, k = time.perf_counter() + seconds, i
        while (now := time.perf_counter()) < until and not wrong:
            if mix:
                own.ask(mix[k % len(mix)][1], threads)
            else:
                own.look_up(random.randint(1, users))
            times[i].append(time.perf_counter() - now)
            k += 1

    workers = [threading.Thread(target=client, args=(i,)) for i in range(number)]
    for worker in workers:
        worker.start()
    start.wait()
    begun, spent = time.perf_counter(), cpu_seconds(engine.pid())
    for worker in workers:
        worker.join()
    taken, spent = time.perf_counter() - begun, cpu_seconds(engine.pid()) - spent
    if wrong:
        return {"error": "; ".join(sorted(set(wrong))[:3])}
    every = [t for each in times for t in each]
    return spread(every) | {"a_second": len(every) / taken, "cpu": spent / len(every)}
