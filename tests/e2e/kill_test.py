#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kills the server with -9 in the middle of imports: whatever was acknowledged must be there.

Usage: kill_test.py ENGINE [--adds] [--canary]
EDB_KILLS says how often (default 50, with --adds 10), EDB_SEED repeats a run. With --adds several
clients add one record after the other instead, so that kills fall into commits they share. With
--canary an acknowledged record is removed before the check, which must then fail: a checker that
finds nothing proves nothing.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from harness import BIN, ENGINES, PATIENCE, Server, database_uri, json_lines, record, tool

# Three of the chunks that an import is acknowledged in, so that most kills fall between two.
RECORDS = 15_000
# A database lives through this many kills, so that recovery meets what recovery left behind.
ROUNDS_PER_DATABASE = 5
# With --adds: clients at the same time, and the most acknowledgements that a kill waits for.
ADDERS = 4
ADDS_BEFORE_KILL = 12
RECORDS_TO_ADD = 500  # more than are ever added


class Lost(Exception):
    """A promise was broken."""


class Missing(Lost):
    """An acknowledged record is not there, or not as it was."""


def require(condition, message):
    if not condition:
        raise Lost(message)


class Import:
    """parquet-import as a process, and how much it was told is durable."""

    def __init__(self, server, path, log_path):
        self.log_path = log_path
        with open(log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [BIN / "parquet-import", "-verbose", *server.client, path], stderr=log
            )

    def acknowledged(self):
        """The counts of durable records it was told, growing."""
        log = self.log_path.read_text(encoding="utf-8")
        return [int(n) for n in re.findall(r"Records acknowledged count=(\d+)\n", log)]

    def wait_for(self, chunks):
        """Waits until that many chunks were acknowledged, or the import is over."""
        while len(self.acknowledged()) < chunks and self.process.poll() is None:
            time.sleep(0.001)

    def finish(self):
        """Waits for the end and returns the number of acknowledged records."""
        self.process.wait(PATIENCE)
        return max(self.acknowledged(), default=0)


class Adders:
    """Clients that add one record each time they run, until one is not acknowledged."""

    def __init__(self, server, provider):
        self.server, self.provider = server, provider
        self.acknowledged = []  # numbers of records; appending is atomic
        self.failure = None
        self.threads = [threading.Thread(target=self._add, args=(n,)) for n in range(ADDERS)]
        for thread in self.threads:
            thread.start()

    def _add(self, first):
        try:
            self._add_all(first)
        except Exception as failure:  # told by finish
            self.failure = failure

    def _add_all(self, first):
        for number in range(first, RECORDS_TO_ADD, ADDERS):
            line = json_lines([record(number, provider=self.provider, dimension=8)])
            add = ["add", *self.server.client, "-record", "-"]
            if tool("embeddingsdb-client", *add, stdin=line).code != 0:
                return
            self.acknowledged.append(number)

    def wait_for(self, count):
        """Waits until that many records were acknowledged, or nobody adds any more."""
        while len(self.acknowledged) < count and any(t.is_alive() for t in self.threads):
            time.sleep(0.001)

    def finish(self):
        """Waits for the end and returns the numbers of acknowledged records."""
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure
        return self.acknowledged


class KillTest:
    records = RECORDS

    def __init__(self, engine, canary, folder):
        self.engine, self.canary, self.folder = engine, canary, folder
        self.files = [self.make_file(n) for n in range(ROUNDS_PER_DATABASE)]
        self.server = None
        self.database = None
        self.stored = 0  # records in the database after its rounds so far
        self.seconds_to_first = 0.0
        self.seconds_a_chunk = 0.0
        self.chunks = 0

    def make_file(self, number):
        """A Parquet file of its own provider, and its records as canonical lines."""
        scratch = self.folder / f"file{number}"
        scratch.mkdir()
        database = ["-database-uri", database_uri("sqlite", scratch)]
        records = [record(n, provider=f"round{number}", dimension=8) for n in range(self.records)]
        path = scratch / "in.parquet"
        add = ["add", *database, "-record", "-"]
        for step in (
            tool("embeddingsdb-client", *add, stdin=json_lines(records)),
            tool("parquet-export", *database, "-output", path),
            emitted := tool("parquet-emit", path),
        ):
            require(step.code == 0, step)
        return path, emitted.out.splitlines()

    def open_database(self, number):
        if self.server is not None:
            require(self.server.stop() == 0, self.server.log())
        folder = self.folder / f"database{number}"
        folder.mkdir()
        self.database = database_uri(self.engine, folder)
        self.server = Server(self.folder, self.database)
        self.stored = 0

    def measure(self):
        """How long an undisturbed import takes, so that kills fall within one."""
        self.open_database(-1)
        start = time.monotonic()
        running = Import(self.server, self.files[0][0], self.folder / "import.log")
        running.wait_for(1)
        self.seconds_to_first = time.monotonic() - start
        require(running.finish() == RECORDS, "not all records were acknowledged without a kill")
        self.chunks = len(running.acknowledged())
        self.seconds_a_chunk = (time.monotonic() - start - self.seconds_to_first) / self.chunks

    def strike(self, running, chance):
        """Kills the server while a chunk chosen by chance is on its way."""
        before_all = self.chunks < 2 or chance.random() < 0.2
        after = 0 if before_all else chance.randrange(1, self.chunks)
        running.wait_for(after)
        time.sleep(chance.uniform(0, self.seconds_a_chunk if after else self.seconds_to_first))
        self.server.process.kill()
        self.server.process.wait()

    def round(self, number, chance):
        """One kill. Returns how many records had been acknowledged."""
        if number % ROUNDS_PER_DATABASE == 0:
            self.open_database(number)
        path, lines = self.files[number % ROUNDS_PER_DATABASE]
        running = Import(self.server, path, self.folder / "import.log")
        self.strike(running, chance)
        acknowledged = range(running.finish())
        self.recover(number, lines, acknowledged)
        return len(acknowledged)

    def recover(self, number, lines, acknowledged):
        """Starts the server again and looks for the records with these numbers."""
        self.server = Server(self.folder, self.database)
        if self.canary and acknowledged:
            key = ["-provider", f"round{number % ROUNDS_PER_DATABASE}", "-model", "m"]
            self.ask("remove", *key, "-depiction-id", f"d{acknowledged[-1]:06}")
        self.check(number, lines, acknowledged)

    def ask(self, *args):
        answer = tool("embeddingsdb-client", *args, *self.server.client)
        require(answer.code == 0, answer)
        return answer.out.splitlines()

    def check(self, number, lines, acknowledged):
        provider = f"provider=round{number % ROUNDS_PER_DATABASE}"
        stored = self.ask("list", "-per-page", "1000", "-filter", provider)
        present = set(stored)
        require(len(present) == len(stored), "a record was listed twice")
        missing = [line for line in (lines[n] for n in acknowledged) if line not in present]
        if missing:
            raise Missing(f"{len(missing)} of {len(acknowledged)} acknowledged records, "
                          f"{missing[0]} among them")
        strange = present - set(lines)
        require(not strange, f"{len(strange)} stored records were never sent: {list(strange)[:1]}")
        self.stored += len(stored)
        if (number + 1) % ROUNDS_PER_DATABASE == 0:
            require(self.server.stop() == 0, self.server.log())
            verified = tool("embeddingsdb", "verify", self.database)
            require(verified.code == 0, verified)
            # Later kills took nothing from earlier rounds.
            require(verified.json()["records"] == self.stored, f"{verified}: not {self.stored}")
            self.server = Server(self.folder, self.database)

    def run(self, kills, seed):
        chance = random.Random(seed)
        self.measure()
        within = 0
        for number in range(kills):
            acknowledged = self.round(number, chance)
            within += 0 < acknowledged < self.records
        require(self.server.stop() == 0, self.server.log())
        # Kills before the first acknowledgement or after the last prove little.
        require(within >= kills // 5, f"only {within} of {kills} kills fell within an import")
        return within


class AddsKillTest(KillTest):
    """Kills while several clients add one record at a time."""

    records = RECORDS_TO_ADD

    def measure(self):
        """Starting a client takes longer than a commit: there is nothing to aim with."""

    def round(self, number, chance):
        if number % ROUNDS_PER_DATABASE == 0:
            self.open_database(number)
        running = Adders(self.server, f"round{number % ROUNDS_PER_DATABASE}")
        running.wait_for(chance.randrange(1, ADDS_BEFORE_KILL + 1))
        time.sleep(chance.uniform(0, 0.02))
        self.server.process.kill()
        self.server.process.wait()
        acknowledged = running.finish()
        self.recover(number, self.files[number % ROUNDS_PER_DATABASE][1], acknowledged)
        return len(acknowledged)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--adds", action="store_true")
    parser.add_argument("--canary", action="store_true")
    arguments = parser.parse_args()
    kills = int(os.environ.get("EDB_KILLS", "10" if arguments.adds else "50"))
    seed = int(os.environ.get("EDB_SEED", time.time_ns() % 1_000_000))
    print(f"{arguments.engine}: {kills} kills, EDB_SEED={seed}", flush=True)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="embeddingsdb-kill-"))
    test = None
    start = time.monotonic()
    try:
        kind = AddsKillTest if arguments.adds else KillTest
        test = kind(arguments.engine, arguments.canary, folder)
        within = test.run(kills, seed)
    except Lost as lost:
        print(f"{type(lost).__name__}: {lost}")
        return 0 if arguments.canary and isinstance(lost, Missing) else 1
    finally:
        if test is not None and test.server is not None:
            test.server.process.kill()
            test.server.process.wait()
        shutil.rmtree(folder)
    seconds = time.monotonic() - start
    print(f"{kills} kills, {within} while records were added, nothing lost, {seconds:.0f} s")
    return 1 if arguments.canary else 0


if __name__ == "__main__":
    sys.exit(main())
