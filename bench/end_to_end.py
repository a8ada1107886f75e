#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Imports a Parquet file through a real server into each engine, exports it again, and asks.

    bench/end_to_end.py [--rows N] [--engines sqlite,lmdb] [--bin DIR] [--make-parquet FILE]

Prints one line an engine. The bars are those of 235,200 x 512 on two cores: import 20,000 records/s
durable, export 50,000 records/s, from the server's start to its first answer 2 s. Exits with 1 when
one is missed.
"""

import argparse
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BARS = {"import": 20_000, "export": 50_000, "first answer": 2.0}
LISTENING = re.compile(r"Server listening address=(\S+)")


class Server:
    """A server on a free loopback port, stopped by SIGTERM at the end."""

    def __init__(self, tool, database_uri):
        self.process = subprocess.Popen(
            [tool, "server", "-server-uri", "grpc://127.0.0.1:0?database-uri={database}",
             "-database-uri", database_uri],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            match = LISTENING.search(line)
            if match:
                self.uri = "grpc://" + match.group(1)
                return
        raise RuntimeError("the server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        if self.process.wait(120) != 0:
            raise RuntimeError("the server did not stop cleanly")

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024


def run(*command):
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def measure(tool, folder, scheme, source, rows):
    uri = {"sqlite": f"sqlite://{folder}/bench.db",
           "duckdb": f"duckdb://{folder}/bench.duckdb",
           "lmdb": f"lmdb://{folder}/bench"}[scheme]
    figures = {}
    with Server(tool, uri) as server:
        seconds = run(tool, "parquet-import", "-client-uri", server.uri, source)
        figures["import"] = rows / seconds
        figures["import peak MiB"] = server.peak_mib()
        copy = os.path.join(folder, "copy.parquet")
        seconds = run(tool, "parquet-export", "-client-uri", server.uri, "-output", copy)
        figures["export"] = rows / seconds
        os.unlink(copy)
    started = time.monotonic()
    with Server(tool, uri) as server:
        figures["open"] = time.monotonic() - started
        ask = (tool, "client", "similar-by-id", "-client-uri", server.uri, "-provider",
               "provider-7", "-depiction-id", "7", "-model", "bench/512")
        run(*ask)
        figures["first answer"] = time.monotonic() - started
        figures["next answer"] = min(run(*ask) for _ in range(5))
    figures["disk MiB"] = sum(f.stat().st_size for f in pathlib.Path(folder).rglob("*")
                              if f.is_file()) // 2**20
    return figures


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=235_200)
    options.add_argument("--bin", default=str(ROOT / "build/release/bin"))
    options.add_argument("--make-parquet", default=str(ROOT / "build/release/bench/make_parquet"))
    options.add_argument("--engines", default="sqlite,duckdb,lmdb")
    options = options.parse_args()
    tool = os.path.join(options.bin, "embeddingsdb")
    missed = []
    with tempfile.TemporaryDirectory() as work:
        source = os.path.join(work, "source.parquet")
        run(options.make_parquet, source, str(options.rows))
        for scheme in options.engines.split(","):
            with tempfile.TemporaryDirectory(dir=work) as folder:
                figures = measure(tool, folder, scheme, source, options.rows)
            print(scheme, ", ".join(f"{name} {value:,.{2 if value < 100 else 0}f}"
                                    for name, value in figures.items()), flush=True)
            missed += [f"{scheme} {name}" for name in ("import", "export")
                       if figures[name] < BARS[name]]
            if figures["first answer"] > BARS["first answer"]:
                missed.append(f"{scheme} first answer")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"largest process {peak} MiB; bars missed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
