"""What the measurements of subscriptions share: a server of EQL, events at a steady rate, and those who follow."""
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path


class Server:
    """`with Server(binary, definitions) as server:`: a data directory of its own, free ports; gone at the end."""

    def __init__(self, binary, definitions):
        self.folder = tempfile.TemporaryDirectory()
        data = Path(self.folder.name) / "data"
        subprocess.run([binary, "query", definitions, "--data", str(data)], check=True, stdout=subprocess.DEVNULL)
        command = [binary, "serve", "--data", str(data), "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--log", "error"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = next((self.parsed(line) for line in self.process.stdout if "http://" in line), None)
        if not self.address:
            raise SystemExit("the server did not start")

    @staticmethod
    def parsed(line):
        host, port = line.split("http://")[1].strip().rstrip("/").split(":")
        return host, int(port)

    def status(self, key):
        """A figure of the process in MiB, `VmRSS` or `VmHWM`."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(key)), 0)

    def cpu(self):
        """Seconds of processor time that it took so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")")[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def follow(self, segment, buffer=None):
        """A connection on which changes of a segment come as Server-Sent Events."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.connect(self.address)
        sock.sendall(b"GET /v1/segments/%s/changes HTTP/1.0\r\nhost: localhost\r\n\r\n" % segment.encode())
        return sock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def body(rows):
    return "\n".join(json.dumps(row, separators=(",", ":")) for row in rows).encode()


def post(sock, payload):
    """Sends events on a connection that stays open; returns when they are acknowledged."""
    head = b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n"
    sock.sendall(head % len(payload) + payload)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(65536)
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise SystemExit(answer.decode(errors="replace"))
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1])
    while len(rest) < length:
        rest += sock.recv(65536)


def paced(address, rate, calls, stop):
    """Sends call after call (bytes, events) at a rate of events a second; the rate that was reached."""
    sock, sent, begun = socket.create_connection(address), 0, time.perf_counter()
    for payload, events in calls:
        if stop.is_set():
            break
        post(sock, payload)
        sent += events
        ahead = sent / rate - (time.perf_counter() - begun) if rate else 0
        if ahead > 0:
            time.sleep(ahead)
    return sent / (time.perf_counter() - begun)


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else float("nan")
