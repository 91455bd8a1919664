"""The floor: programs written by hand for one question each (`bench/floor`), over columns in memory. What is timed is the pass alone."""
import json
import subprocess

import pyarrow as pa

import columns
from questions import TITLES


class Floor:
    version, look_up = "floor: a pass written by hand for each question (Rust)", None

    def __init__(self, place, binary):
        self.place = place
        if not place.home.exists():
            columns.write(place)
        self.process = subprocess.Popen([binary, str(place.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.ways = {question: [("pass", question)] for question in TITLES}

    def ask(self, question, threads):
        self.process.stdin.write(f"{question} {threads}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.seconds = answer["seconds"]
        rows = answer["rows"]
        return pa.table({str(i): pa.array([row[i] for row in rows]) for i in range(len(rows[0]) if rows else 0)})

    def pid(self):
        return self.process.pid

    def files(self):
        return [self.place.home]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
