#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""postgres:// behind our server: exchange with Parquet files, our server killed in the middle of an
import, PostgreSQL stopped and started under a running server."""

import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import PATIENCE, Server, TestCase, main, quote, record, tool
from kill_test import Import

RECORDS = 15_000  # of which every 5,000 are acknowledged
KILLS = 3


def programs():
    """Where initdb and postgres are: Debian keeps them out of the PATH."""
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")).parent


class Postgres:
    """A PostgreSQL of the test's own on a Unix socket. As root it runs as the user postgres."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="embeddingsdb-pg-"))
        self.user = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.process = None
        with socket.socket() as free:  # the number names the socket
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        subprocess.run(
            [programs() / "initdb", f"--pgdata={self.folder}/data", "--username=edb",
             "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, cwd="/", **self.user,
        )
        self.start()

    def uri(self, schema):
        return f"postgres://edb@:{self.port}/postgres?host={quote(self.folder)}&schema={schema}"

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.folder / "data", "-k", self.folder,
                 "-p", str(self.port), "-c", "listen_addresses="],
                stdout=log, stderr=log, cwd="/", **self.user,
            )
        deadline = time.monotonic() + PATIENCE
        ready = [programs() / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))
            time.sleep(0.02)

    def stop(self, how):
        self.process.send_signal(how)
        self.process.wait(PATIENCE)

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)


class PostgresTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.close)

    def stored(self, database):
        """All records of a database as canonical lines, sorted."""
        path = self.folder / "stored.parquet"
        path.unlink(missing_ok=True)
        export = tool("parquet-export", "-database-uri", database, "-output", path)
        self.assertTool(export)
        return self.emit(path)

    def test_a_file_comes_back_as_it_was(self):
        path = self.parquet_of([record(n, provider=f"p{n % 3}") for n in range(2_000)])
        database = self.postgres.uri("exchange")
        with Server(self.folder, database) as server:
            self.assertTool(tool("parquet-import", *server.client, path))
            self.assertTool(tool("parquet-import", *server.client, path))  # the same once more
            back = self.folder / "back.parquet"
            self.assertTool(tool("parquet-export", *server.client, "-output", back))
            self.assertEqual(self.emit(back), self.emit(path))
            self.assertEqual(server.stop(), 0, server.log())
        self.assertEqual(self.stored(database), self.emit(path))

    def test_what_was_acknowledged_survives_a_kill_of_our_server(self):
        seed = int(os.environ.get("EDB_SEED", time.time_ns()))
        print(f"EDB_SEED={seed}")
        chance = random.Random(seed)
        path = self.parquet_of([record(n, dimension=8) for n in range(RECORDS)])
        lines = tool("parquet-emit", path).out.splitlines()
        for turn in range(KILLS):
            database = self.postgres.uri(f"killed{turn}")
            server = Server(self.folder, database)
            job = Import(server, path, self.folder / f"import{turn}.log")
            job.wait_for(chance.randint(1, 2))
            time.sleep(chance.random() * 0.2)  # anywhere in the chunk that follows
            server.stop(signal.SIGKILL)
            acknowledged = job.finish()
            stored = set(self.stored(database))
            self.assertGreater(acknowledged, 0)
            self.assertEqual([line for line in lines[:acknowledged] if line not in stored], [])
            # Nothing else is there, nothing half, and the database goes on.
            self.assertLessEqual(stored, set(lines))
            with Server(self.folder, database) as again:
                self.assertTool(tool("parquet-import", *again.client, path))
            self.assertEqual(self.stored(database), sorted(lines))

    def test_postgresql_is_started_anew_under_a_running_server(self):
        with Server(self.folder, self.postgres.uri("anew")) as server:
            known = [record(n) for n in range(200)]
            self.assertTool(self.add(known, *server.client))
            for turn, how in enumerate((signal.SIGINT, signal.SIGQUIT)):  # SIGQUIT: as a crash
                self.postgres.stop(how)
                refused = self.add([record(999)], *server.client)
                self.assertNotEqual(refused.code, 0)
                self.assertIn("PostgreSQL", refused.err)
                self.postgres.start()
                known.append(record(1_000 + turn))
                self.assertTool(self.add(known[-1:], *server.client))
            back = self.folder / "back.parquet"
            self.assertTool(tool("parquet-export", *server.client, "-output", back))
            self.assertEqual(self.emit(back), self.emit(self.parquet_of(known)))

    def test_the_check_finds_what_is_missing(self):
        """The canary: one record that was acknowledged is removed behind the server's back."""
        database = self.postgres.uri("canary")
        path = self.parquet_of([record(n) for n in range(50)])
        self.assertTool(tool("parquet-import", "-database-uri", database, path))
        gone = tool("embeddingsdb-client", "remove", "-database-uri", database,
                    "-provider", "p", "-depiction-id", "d000007", "-model", "m")
        self.assertTool(gone)
        stored = set(self.stored(database))
        missing = [line for line in self.emit(path) if line not in stored]
        self.assertEqual(len(missing), 1)
        self.assertIn("d000007", missing[0])


if __name__ == "__main__":
    main()
