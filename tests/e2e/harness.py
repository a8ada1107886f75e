# SPDX-License-Identifier: BSD-3-Clause
"""What the end-to-end tests share: running the tools, a server as a process, records as JSON."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("EDB_BIN", "build/dev/bin"))
FAKE_EMBEDDER = os.environ.get("EDB_FAKE_EMBEDDER", BIN / "../tests/e2e/fake_embedder")
ENGINES = ("sqlite", "duckdb", "lmdb")
# Sanitizers make everything slower; nothing here waits this long unless it hangs.
PATIENCE = 60


class Result:
    """What a tool did."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.out[-2000:]}\nstderr: {self.err[-2000:]}"

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def tool(name, *args, stdin="", env=None):
    """Runs a tool to its end."""
    done = subprocess.run(
        [BIN / name, *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **(env or {})},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def quote(text):
    return urllib.parse.quote(str(text), safe="")


def database_uri(engine, folder, **options):
    """The URI of a database in a folder."""
    query = "".join(f"&{name}={quote(value)}" for name, value in options.items())
    if engine == "sqlite":
        return f"sqlite://?dsn={quote(folder / 'test.db')}{query}"
    return f"{engine}://{folder}/test?{query[1:]}"


def record(number, provider="p", model="m", dimension=4, **fields):
    """A record like no other; its numbers print the same in Python and in the tools."""
    vector = [((number * 7 + i * 13) % 101 + 0.5) / 64 for i in range(dimension)]
    return {
        "provider": provider,
        "depiction_id": f"d{number:06}",
        "subject_id": f"s{number:06}",
        "model": model,
        "embeddings": vector,
        "created": 1700000000 + number,
        "attributes": {"title": f"number {number}", "odd": "<&> \u00e9\u2028\\\""},
        **fields,
    }


def json_lines(records):
    return "".join(json.dumps(r) + "\n" for r in records)


class ServerProcess:
    """A server that answers; a context manager that ends it."""

    LISTENS = r"Server listening address=(\S+)\n"

    def __init__(self, folder, command, **more):
        file, path = tempfile.mkstemp(dir=folder, suffix=".log")
        self.log_path = pathlib.Path(path)
        with open(file, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stderr=log, **more)
        self.address = self._wait_for_address()
        self.client = ["-client-uri", f"grpc://{self.address}"]

    def log(self):
        return self.log_path.read_text(encoding="utf-8")

    def _wait_for_address(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.search(self.LISTENS, self.log())
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def stop(self, how=signal.SIGTERM):
        """Asks the server to end and returns its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Server(ServerProcess):
    """A server of ours on a free loopback port."""

    def __init__(self, folder, database, *flags, parameters="", scheme_host="grpc://127.0.0.1:0"):
        uri = f"{scheme_host}?database-uri={{database}}{parameters}"
        command = [BIN / "embeddingsdb-server", "-server-uri", uri, "-database-uri", database]
        super().__init__(folder, [*command, *flags])


class FakeEmbedder(ServerProcess):
    """The fake of all HTTP embedders. Complains at its end when it was asked in a wrong way."""

    def __init__(self, folder):
        super().__init__(folder, [FAKE_EMBEDDER], stdin=subprocess.PIPE)

    def finish(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        assert code == 0, f"the embedder was asked in a wrong way:\n{self.log()}"

    def __exit__(self, *_):
        super().__exit__()
        self.process.stdin.close()


class TestCase(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="embeddingsdb-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def assertTool(self, result, code=0, error=""):
        """The exit code is right, and stderr says what it must."""
        self.assertEqual(result.code, code, result)
        self.assertIn(error, result.err, result)
        return result

    def add(self, records, *where):
        """Adds records and returns what the tool said."""
        return tool("embeddingsdb-client", "add", *where, "-record", "-", stdin=json_lines(records))

    # Arguments of openssl: a new private key that is not encrypted.
    NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)

    def self_signed(self, name, *more):
        """A key and a certificate that signs itself."""
        self.openssl("req", "-x509", *self.NEW_KEY, "-keyout", f"{name}.key",
                     "-out", f"{name}.crt", "-subj", f"/CN={name}", "-days", "2", *more)

    def parquet_of(self, records, name="in.parquet"):
        """A Parquet file with these records."""
        scratch = ["-database-uri", database_uri("sqlite", self.folder_for(name))]
        self.assertTool(self.add(records, *scratch))
        path = self.folder / name
        self.assertTool(tool("parquet-export", *scratch, "-output", path))
        return path

    def folder_for(self, name):
        path = self.folder / f"{name}.d"
        path.mkdir()
        return path

    def emit(self, path):
        """The records of a Parquet file as canonical lines, sorted."""
        return sorted(self.assertTool(tool("parquet-emit", path)).out.splitlines())


def main():
    unittest.main(verbosity=2)
