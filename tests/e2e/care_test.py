#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Looking after a database: stats, reindex and compact as people call them, beside other processes
and when they are killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

from harness import (
    BIN, ENGINES, PATIENCE, PROJECT, Server, TestCase, database_uri, main, record, tool,
)

FEW = [record(i, dimension=8) for i in range(40)]


class Care(TestCase):
    def make(self, engine, records=(), name=""):
        """A database of an engine with records, and its URI."""
        folder = self.folder / f"{engine}{name}"
        folder.mkdir()
        uri = database_uri(engine, folder)
        if records:
            self.assertTool(self.add(records, "-database-uri", uri))
        return uri

    def stats(self, uri, *flags):
        return self.assertTool(tool("embeddingsdb", "stats", "-format", "json", *flags, uri)).json()

    def listed(self, uri):
        flags = ["-database-uri", uri, "-per-page", "1000"]
        return self.assertTool(tool("embeddingsdb-client", "list", *flags)).out


class Stats(Care):
    def test_a_table_for_people_and_an_object_for_programs(self):
        for engine in ENGINES:
            with self.subTest(engine):
                uri = self.make(engine, FEW)
                table = self.assertTool(tool("embeddingsdb", "stats", uri)).out
                self.assertRegex(table, r"(?m)^records +40$")
                self.assertRegex(table, r"(?m)^m +8 +40 +1 +l2 +exact +\w+ +0 +0 +40 +0 B +0 B$")
                stats = self.stats(uri)
                self.assertEqual(stats["records"], 40)
                self.assertGreater(stats["files"]["records"] + stats["files"]["log"], 40 * 32)
                self.assertGreater(len(stats["facts"]), 2)
                model = stats["models"][0]
                self.assertEqual((model["model"], model["metric"], model["search"]),
                                 ("m", "l2", "exact"))
                self.assertEqual(stats["members"], [])

    def test_it_makes_no_database(self):
        for engine in ENGINES:
            uri = self.make(engine)
            self.assertTool(tool("embeddingsdb", "stats", uri), 3)
            self.assertEqual(list((self.folder / engine).iterdir()), [])

    def test_databases_in_memory_answer_too(self):
        for uri in ("memory://", "null://", "duckdb://", "sqlite://?dsn=:memory:"):
            self.assertEqual(self.stats(uri)["records"], 0)

    def test_beside_a_server_where_the_engine_shares_reading(self):
        for engine in ENGINES:
            with self.subTest(engine):
                uri = self.make(engine, FEW)
                with Server(self.folder, uri) as server:
                    self.assertTool(self.add([record(99, dimension=8)], *server.client))
                    looked = tool("embeddingsdb", "stats", "-format", "json", uri)
                    if engine == "duckdb":
                        self.assertTool(looked, 6, f"process {server.process.pid} (embeddingsdb")
                    else:
                        self.assertEqual(self.assertTool(looked).json()["records"], 41)

    def test_several_databases(self):
        uris = [self.make("sqlite", FEW), self.make("lmdb", FEW[:3])]
        flags = [flag for uri in uris for flag in ("-database-uri", uri)]
        done = self.assertTool(tool("embeddingsdb", "stats", "-format", "json", *flags)).json()
        self.assertEqual([m["records"] for m in done["members"]], [40, 3])
        self.assertEqual(done["records"], 43)
        table = self.assertTool(tool("embeddingsdb", "stats", *flags)).out
        self.assertEqual(table.count("\ndatabase ") + table.startswith("database "), 3)

    def test_wrong_command_lines(self):
        for command in ("stats", "reindex", "compact", "verify"):
            self.assertTool(tool("embeddingsdb", command), 2, "missing argument: DATABASE-URI")
            both = tool("embeddingsdb", command, "-database-uri", "null://", "null://")
            self.assertTool(both, 2, "exclude each other")
            self.assertTool(tool("embeddingsdb", command, "null://", "x"), 2, 'argument: "x"')
        self.assertTool(tool("embeddingsdb", "stats", "-format", "xml", "null://"), 2, "xml")


class Reindex(Care):
    def test_it_tells_what_it_does(self):
        for engine in ENGINES:
            with self.subTest(engine):
                uri = self.make(engine, FEW)
                done = self.assertTool(tool("embeddingsdb", "reindex", uri))
                self.assertEqual(done.err, 'model "m": 40 rows, which need no index\n')
                graph = uri + ("&" if engine == "sqlite" else "") + "index=hnsw"
                done = self.assertTool(tool("embeddingsdb", "reindex", "-model", "m", graph))
                self.assertRegex(done.err, r'^model "m": 40 rows indexed in \d+\.\d\d s\n$')
                self.assertEqual(done.out, "")
                model = self.stats(graph)["models"][0]
                self.assertEqual((model["graph_rows"], model["file_rows"], model["tail_rows"]),
                                 (40, 40, 0))
        self.assertTool(tool("embeddingsdb", "reindex", "-model", "x", graph), 3, '"x"')

    def test_interrupted_it_leaves_a_database_that_works(self):
        uri = self.make("sqlite", [record(i, dimension=64) for i in range(4000)])
        graph = uri + "&index=hnsw"
        before = self.listed(uri)
        for seconds in (0.1, 0.3, 0.6, 1.0):
            process = subprocess.Popen([BIN / "embeddingsdb", "reindex", graph],
                                       stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            self.assertEqual(self.listed(graph), before)
            verified = self.assertTool(tool("embeddingsdb", "verify", graph)).json()
            self.assertEqual(verified, {"records": 4000, "problems": []})


class Compact(Care):
    def test_what_was_replaced_gives_its_room_back(self):
        records = [record(i, dimension=1024) for i in range(200)]
        for engine in ENGINES:
            with self.subTest(engine):
                uri = self.make(engine, records)
                self.assertTool(self.add(records, "-database-uri", uri))
                before = self.listed(uri)
                done = self.assertTool(tool("embeddingsdb", "compact", uri), 0, " after\n")
                report = done.json()
                # SQLite has used the room of what was replaced again by itself.
                most = report["before"]["total"] * (1 if engine == "sqlite" else 0.8)
                self.assertLess(report["after"]["total"], most)
                self.assertEqual(report["after"]["index"], 0)
                self.assertEqual(self.listed(uri), before)
                verified = self.assertTool(tool("embeddingsdb", "verify", uri)).json()
                self.assertEqual(verified, {"records": 200, "problems": []})
                self.assertTool(self.add(records[:1], "-database-uri", uri))

    def test_nothing_to_do_in_memory(self):
        for uri in ("memory://", "null://", "duckdb://", "sqlite://?dsn=:memory:"):
            done = self.assertTool(tool("embeddingsdb", "compact", uri), 0, "0 B before, 0 B after")
            self.assertEqual(done.json()["after"]["total"], 0)

    def test_a_writing_process_is_named(self):
        for engine in ENGINES:
            with self.subTest(engine):
                uri = self.make(engine, FEW)
                with Server(self.folder, uri) as server:
                    for command in ("compact", "reindex"):
                        self.assertTool(
                            tool("embeddingsdb", command, uri), 6,
                            f"is locked by process {server.process.pid} (embeddingsdb-")

    def test_a_reading_process_is_named_and_undisturbed(self):
        for engine in ("sqlite", "lmdb"):
            with self.subTest(engine):
                uri = self.make(engine, FEW)
                reading = uri + ("&" if engine == "sqlite" else "") + "read-only=true"
                with Server(self.folder, reading) as server:
                    self.assertTool(tool("embeddingsdb-client", "count", *server.client))
                    self.assertTool(tool("embeddingsdb", "compact", uri), 6,
                                    f"is open in process {server.process.pid} (embeddingsdb-")
                    # It goes on, and sees what is written.
                    self.assertTool(self.add([record(99, dimension=8)], "-database-uri", uri))
                    counted = tool("embeddingsdb-client", "count", *server.client)
                    self.assertEqual(self.assertTool(counted).out, "41\n")
                    self.assertEqual(server.stop(), 0)
                self.assertTool(tool("embeddingsdb", "compact", uri))

    def test_killed_at_any_moment_it_leaves_the_old_or_the_new(self):
        chance = random.Random(int(os.environ.get("EDB_SEED", "1")))
        for engine in ENGINES:
            with self.subTest(engine):
                self.kill_often(engine, chance)

    def kill_often(self, engine, chance):
        records = [record(i, dimension=2048) for i in range(600)]
        uri = self.make(engine, records, "-made")
        self.assertTool(self.add(records, "-database-uri", uri))
        made, folder = self.folder / f"{engine}-made", self.folder / f"{engine}-killed"
        before = self.listed(uri)
        seconds = self.seconds_to_compact(engine, made, folder)
        outcomes = set()
        for _ in range(12):
            killed = self.copy(engine, made, folder)
            process = subprocess.Popen([BIN / "embeddingsdb", "compact", killed],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.2, 1.05) * seconds)
            process.kill()
            process.wait()
            self.assertEqual(self.listed(killed), before)
            verified = self.assertTool(tool("embeddingsdb", "verify", killed)).json()
            self.assertEqual(verified, {"records": 600, "problems": []})
            left = [p.name for p in folder.rglob("*compacting*")]
            self.assertEqual(left, [], "opening it for writing cleans up")
            outcomes.add(process.returncode)
        self.assertIn(-signal.SIGKILL, outcomes)
        self.assertTool(tool("embeddingsdb", "compact", killed))
        self.assertEqual(self.listed(killed), before)

    def copy(self, engine, made, folder):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
        return database_uri(engine, folder)

    def seconds_to_compact(self, engine, made, folder):
        uri = self.copy(engine, made, folder)
        start = time.monotonic()
        self.assertTool(tool("embeddingsdb", "compact", uri))
        return time.monotonic() - start


# Takes locks as another program would, says so and waits to be killed.
HOLDER = """
import ctypes, fcntl, sqlite3, sys, time
kind, path, library = sys.argv[1:]
if kind == "sqlite":
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
elif kind == "duckdb":
    database = ctypes.c_void_p()
    assert not ctypes.CDLL(library).duckdb_open(path.encode(), ctypes.byref(database))
else:  # as LMDB locks its lock file
    file = open(path, "r+b")
    fcntl.lockf(file, fcntl.LOCK_SH, 1, 0)
print("holds", flush=True)
time.sleep(600)
"""


class ForeignPrograms(Care):
    """They know nothing of our lock files."""

    def hold(self, kind, path):
        library = PROJECT / "third_party/lib/libduckdb.so"
        process = subprocess.Popen([sys.executable, "-c", HOLDER, kind, path, library],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "holds\n")
        return process

    def test_who_writes_an_sqlite_file_is_named(self):
        uri = self.make("sqlite", FEW)
        holder = self.hold("sqlite", self.folder / "sqlite/test.db")
        named = f"process {holder.pid} (python"
        self.assertTool(self.add(FEW[:1], "-database-uri", uri), 4, f"held by {named}")
        self.assertTool(tool("embeddingsdb", "compact", uri), 6, f"is open in {named}")

    def test_who_has_a_duckdb_file_is_named(self):
        uri = self.make("duckdb", FEW)
        holder = self.hold("duckdb", self.folder / "duckdb/test")
        for command in ("stats", "verify", "compact"):
            self.assertTool(tool("embeddingsdb", command, uri), 6,
                            f"is open in process {holder.pid} (python")

    def test_who_has_an_lmdb_database_is_named(self):
        uri = self.make("lmdb", FEW)
        holder = self.hold("lmdb", self.folder / "lmdb/test/lock.mdb")
        self.assertTool(tool("embeddingsdb", "verify", uri))
        self.assertTool(tool("embeddingsdb", "compact", uri), 6,
                        f"is open in process {holder.pid} (python")
        self.assertEqual(self.listed(uri).count("\n"), len(FEW))


if __name__ == "__main__":
    main()
