"""A server over the sample, started once. EQL_BIN names the program `eql`."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
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


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    eql = os.environ["EQL_BIN"]
    folder = tmp_path_factory.mktemp("eql")
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


@pytest.fixture
def cursor(server):
    import adbc_driver_flightsql.dbapi as flight

    with flight.connect(server.flight, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor
