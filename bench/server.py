"""A server of EQL for a measurement: started on free ports, asked over HTTP, stopped at the end."""
import http.client
import json
import subprocess
import tempfile


class Server:
    """`with Server(binary, data) as server: server.query("…")`; further arguments are flags of `eql serve`."""

    def __init__(self, binary, data, *flags, within=()):
        command = [*within, str(binary), "serve", "--data", str(data), "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--log", "error", *flags]
        errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.address = None
        for line in self.process.stdout:
            if "http://" in line:
                host, port = line.split("http://")[1].strip().rstrip("/").split(":")
                self.address = (host, int(port))
                break
        if not self.address:
            errors.seek(0)
            raise RuntimeError(f"the server did not start: {errors.read()[-800:]}")
        self.pid = self.process.pid

    def connect(self):
        return http.client.HTTPConnection(*self.address, timeout=600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def call(connection, method, path, body=None, **headers):
    """Body of an answer; anything but success is an error with its words."""
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise RuntimeError(data.decode(errors="replace")[:600])
    return data


def ask(connection, text, accept="application/vnd.apache.arrow.stream", **settings):
    """Bytes of a query's answer."""
    body = json.dumps({"query": text, "settings": settings})
    return call(connection, "POST", "/v1/query", body, Content_Type="application/json", Accept=accept)


def run(binary, *arguments, text=None):
    """A verb of the command line; its output."""
    done = subprocess.run([str(binary), *map(str, arguments)], input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"eql {arguments[0]}: {done.stderr.strip()[-800:]}")
    return done.stdout
