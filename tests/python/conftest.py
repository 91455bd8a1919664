"""Servers over the sample, each started once. EQL_BIN names the program `eql`."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

SECONDS_TO_START = 60


@dataclass
class Server:
    eql: str
    flight: str
    http: str


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until_ready(process: subprocess.Popen, url: str) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"`eql serve` ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"`eql serve` did not answer within {SECONDS_TO_START} seconds")


@contextmanager
def serving(folder):
    """A server over the sample, freshly loaded."""
    eql = os.environ["EQL_BIN"]
    data = str(folder / "data")
    subprocess.run([eql, "demo", "--data", data, "--no-serve"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    flight, http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([eql, "serve", "--data", data, "--flight", flight, "--http", http], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(process, f"http://{http}")
        yield Server(eql, f"grpc://{flight}", f"http://{http}")
    finally:
        process.terminate()
        process.wait(timeout=SECONDS_TO_START)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("eql")) as started:
        yield started


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A server that nobody writes to: what it answers is what the files say."""
    with serving(tmp_path_factory.mktemp("sample")) as started:
        yield started


@pytest.fixture
def cursor(server):
    import adbc_driver_flightsql.dbapi as flight

    with flight.connect(server.flight, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor
