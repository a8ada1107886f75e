#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Parquet files in and out: round trips, downloads, merging, bad files."""

import functools
import http.server
import os
import pathlib
import pty
import subprocess
import threading

from harness import BIN, ENGINES, Server, TestCase, database_uri, main, record, tool


def mixed_records():
    """Several models, dimensions and providers; many attributes, and none."""
    return (
        [record(n, provider=f"p{n % 3}") for n in range(2500)]
        + [record(n, model="wide", dimension=300) for n in range(300)]
        + [record(n, model="m-1", attributes={}, subject_id="") for n in range(10)]
        + [record(n, model="m", provider="p-\u00e9", created=-n) for n in range(10)]
    )


class RoundTrip(TestCase):
    def test_file_server_engine_file_is_byte_equal(self):
        original = self.parquet_of(mixed_records())
        lines = self.emit(original)
        self.assertEqual(len(lines), 2820)
        for engine in ENGINES:
            with self.subTest(engine):
                folder = self.folder_for(engine)
                copy = folder / "out.parquet"
                with Server(folder, database_uri(engine, folder)) as server:
                    imported = tool("parquet-import", *server.client, original)
                    self.assertTool(imported, 0, "INFO Imported all records count=2820")
                    exported = tool("parquet-export", *server.client, "-output", copy)
                    self.assertEqual(self.assertTool(exported).out, "")
                self.assertEqual(self.emit(copy), lines)

    def test_import_again_changes_nothing(self):
        original = self.parquet_of([record(n) for n in range(100)])
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        for _ in range(2):
            self.assertTool(tool("parquet-import", *database, original, original))
        self.assertEqual(tool("embeddingsdb-client", "count", *database).out, "100\n")

    def imported(self, database, *arguments):
        """The counts that an import ends with."""
        result = self.assertTool(tool("parquet-import", *database, *arguments))
        line = next(line for line in result.err.splitlines() if " all records " in line)
        return dict(field.split("=") for field in line.split("records ")[1].split())

    def test_a_part_of_the_rows_is_imported(self):
        source = self.parquet_of([record(n) for n in range(100)])
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        for flags, count in [(["-start", "90"], 10), (["-end", "9"], 10),
                             (["-start", "40", "-end", "49"], 10), (["-start", "100"], 0),
                             (["-start", "99", "-end", "1000"], 1)]:
            with self.subTest(flags):
                self.assertEqual(self.imported(database, *flags, source)["count"], str(count))
        listed = tool("embeddingsdb-client", "list", *database, "-per-page", "1000").lines()
        depictions = {line["depiction_id"] for line in listed}
        expected = [*range(10), *range(40, 50), *range(90, 100)]
        self.assertEqual(depictions, {record(n)["depiction_id"] for n in expected})
        for flags in (["-start", "5", "-end", "4"], ["-start", "-1"], ["-on-duplicate", "first"],
                      ["-resume", "state", "-start", "1"], ["-resume", "state", "-dry-run"]):
            self.assertTool(tool("parquet-import", *database, *flags, source), 2)

    def test_taken_keys_and_dry_run(self):
        old = self.parquet_of([record(n, created=100) for n in range(10)], "old.parquet")
        new = self.parquet_of([record(n, created=95 + n) for n in range(15)], "new.parquet")
        database = ["-database-uri", database_uri("lmdb", self.folder)]
        self.imported(database, old)
        counts = self.imported(database, "-dry-run", new)
        self.assertEqual(counts, {"count": "15", "added": "5", "replaced": "10", "skipped": "0"})
        self.assertEqual(tool("embeddingsdb-client", "count", *database).out, "10\n")
        counts = self.imported(database, "-on-duplicate", "newest", new)
        self.assertEqual(counts, {"count": "15", "added": "5", "replaced": "5", "skipped": "5"})
        counts = self.imported(database, "-on-duplicate", "skip", old, new)
        self.assertEqual(counts, {"count": "25", "added": "0", "replaced": "0", "skipped": "25"})
        result = tool("parquet-import", *database, "-on-duplicate", "fail", new)
        self.assertTool(result, 1, "record 0")

    def test_an_interrupted_import_goes_on(self):
        rows = [record(n, provider="q") for n in range(60)]
        rows[57]["model"] = "wide"
        one = self.parquet_of([record(n) for n in range(50)], "one.parquet")
        two = self.parquet_of(rows, "two.parquet")
        state = self.folder / "import.state"
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        resume = [*database, "-resume", state]
        in_the_way = record(0, provider="other", model="wide", dimension=5)
        self.assertTool(self.add([in_the_way], *database))

        result = tool("parquet-import", *resume, one, two)
        self.assertTool(result, 1, "after 57 of 60 records were stored; -start 57 goes on")
        result = tool("parquet-import", "-database-uri", "memory://", "-resume", state, one)
        self.assertTool(result, 6, "into another database")
        os.rename(two, self.folder / "kept.parquet")
        os.rename(self.parquet_of(rows[:59], "changed.parquet"), two)
        self.assertTool(tool("parquet-import", *resume, one, two), 6, "has changed since")
        os.rename(self.folder / "kept.parquet", two)
        result = tool("parquet-import", *resume, one, two)
        self.assertTool(result, 1, "after 0 of 3 records were stored; -start 57 goes on")

        key = ["-provider", "other", "-model", "wide", "-depiction-id", in_the_way["depiction_id"]]
        self.assertTool(tool("embeddingsdb-client", "remove", *database, *key))
        self.assertEqual(self.imported(resume, one, two)["count"], "3", "nothing is read twice")
        self.assertEqual(tool("embeddingsdb-client", "count", *database).out, "110\n")
        self.assertFalse(state.exists())
        state.write_text("nonsense")
        self.assertTool(tool("parquet-import", *resume, one), 6, "state of an import")

    def test_export_filters_and_writes_to_stdout(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        self.assertTool(self.add(mixed_records(), *database))
        path = self.folder / "out.parquet"
        with open(path, "wb") as out:
            command = [BIN / "parquet-export", *database, "-filter", "model=wide"]
            subprocess.run(command, stdout=out, check=True)
        self.assertEqual(len(self.emit(path)), 300)

    def test_export_over_a_longer_file_replaces_it(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        self.assertTool(self.add([record(1)], *database))
        path = self.folder / "out.parquet"
        path.write_bytes(b"x" * 1_000_000)
        self.assertTool(tool("parquet-export", *database, "-output", path))
        self.assertEqual(len(self.emit(path)), 1)

    def test_failed_export_leaves_the_old_file(self):
        path = self.folder / "out.parquet"
        path.write_bytes(b"old")
        nobody = ["-client-uri", "grpc://127.0.0.1:1"]
        self.assertTool(tool("parquet-export", *nobody, "-output", path), 4)
        self.assertEqual(path.read_bytes(), b"old")
        self.assertEqual(os.listdir(self.folder), ["out.parquet"])

    def test_empty_database_makes_an_empty_file(self):
        path = self.folder / "out.parquet"
        self.assertTool(tool("parquet-export", "-database-uri", "memory://", "-output", path))
        self.assertEqual(self.emit(path), [])

    def test_export_directory_of_duckdb_opens_again(self):
        database = database_uri("duckdb", self.folder)
        self.assertTool(self.add([record(n) for n in range(20)], "-database-uri", database))
        directory = self.folder / "exported"
        self.assertTool(tool("embeddingsdb", "export", database, directory))
        self.assertEqual(
            sorted(os.listdir(directory)), ["embeddings.csv", "load.sql", "schema.sql"]
        )
        verified = self.assertTool(tool("embeddingsdb", "verify", database))
        self.assertEqual(verified.json(), {"records": 20, "problems": []})


class BadFiles(TestCase):
    def test_each_is_named_and_nothing_is_stored(self):
        good = self.parquet_of([record(n) for n in range(100)])
        text = self.folder / "text.parquet"
        text.write_text("provider,model\n", encoding="ascii")
        cut = self.folder / "cut.parquet"
        cut.write_bytes(good.read_bytes()[:-20])
        empty = self.folder / "empty.parquet"
        empty.write_bytes(b"")
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        for path in (text, cut, empty):
            result = self.assertTool(tool("parquet-import", *database, path), 1, path.name)
            self.assertNotIn("Imported all", result.err)
        self.assertEqual(tool("embeddingsdb-client", "count", *database).out, "0\n")

    def test_error_in_the_middle_says_what_is_stored(self):
        good = self.parquet_of([record(n) for n in range(50)], "good.parquet")
        # The same model with vectors of another length.
        other = self.parquet_of([record(n, dimension=5) for n in range(50)], "other.parquet")
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        result = tool("parquet-import", *database, good, other)
        self.assertTool(result, 1, "other.parquet")
        self.assertIn("after 0 of 50 records were stored", result.err)
        self.assertEqual(tool("embeddingsdb-client", "count", *database).out, "50\n")


class Merge(TestCase):
    def setUp(self):
        super().setUp()
        self.a = self.parquet_of([record(n) for n in range(10)], "a.parquet")
        self.b = self.parquet_of([record(n, created=n) for n in range(5, 20)], "b.parquet")
        self.c = self.parquet_of([record(n) for n in range(100, 110)], "c.parquet")
        self.out = self.folder / "out.parquet"

    def test_fewer_than_two_files_create_nothing(self):
        result = tool("parquet-merge", "-output", self.out, self.a)
        self.assertTool(result, 2, "A minimum of two files to merge are required")
        self.assertFalse(self.out.exists())

    def test_distinct_records_are_put_together(self):
        result = tool("parquet-merge", "-output", self.out, self.a, self.c)
        self.assertTool(result, 0, "INFO Merged records count=20 duplicates=0")
        self.assertEqual(self.emit(self.out), sorted(self.emit(self.a) + self.emit(self.c)))

    def test_duplicates_are_refused_unless_there_is_a_rule(self):
        self.assertTool(tool("parquet-merge", "-output", self.out, self.a, self.b), 1, "d000005")
        self.assertFalse(self.out.exists())
        rules = (("skip", "1700000005"), ("overwrite", "5"), ("newest", "1700000005"))
        for rule, created in rules:
            merge = ["-on-duplicate", rule, "-output", self.out, self.a, self.b]
            self.assertTool(tool("parquet-merge", *merge), 0, "count=20 duplicates=5")
            [line] = [line for line in self.emit(self.out) if '"d000005"' in line]
            self.assertIn(f'"created":{created},', line, rule)
        unknown = tool("parquet-merge", "-on-duplicate", "merge", self.a, self.b)
        self.assertTool(unknown, 2, "newest")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and redirects that say where to in their path."""

    def do_GET(self):
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
        elif self.path.startswith("/short?"):
            body = (pathlib.Path(self.directory) / self.path[7:]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 100))
            self.end_headers()
            self.wfile.write(body)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


class Download(TestCase):
    def setUp(self):
        super().setUp()
        self.parquet_of([record(n) for n in range(100)], "in.parquet")
        handler = functools.partial(Handler, directory=self.folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def fetch(self, path):
        downloads = self.folder / "tmp"
        downloads.mkdir(exist_ok=True)
        environment = {"TMPDIR": str(downloads), "no_proxy": "*"}
        result = tool("parquet-emit", self.url + path, env=environment)
        self.assertEqual(os.listdir(downloads), [])
        return result

    def test_url_is_imported(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        result = tool("parquet-import", *database, self.url + "/in.parquet", env={"no_proxy": "*"})
        self.assertTool(result, 0, "Imported all records count=100")

    def test_redirects_are_followed_within_http(self):
        self.assertEqual(len(self.assertTool(self.fetch("/to?/to?/in.parquet")).lines()), 100)
        self.assertTool(self.fetch("/to?" * 6 + "/in.parquet"), 4, "redirects more than 5 times")
        self.assertTool(self.fetch(f"/to?file://{self.folder}/in.parquet"), 6, "redirects to")

    def test_failures_are_told_by_kind_without_secrets(self):
        missing = self.assertTool(self.fetch("/none.parquet?signature=s3cret"), 3, "404")
        self.assertNotIn("s3cret", missing.err)
        self.assertTool(self.fetch("/short?in.parquet"), 4, "UNAVAILABLE")
        self.assertTool(tool("parquet-emit", "http://127.0.0.1:1/x", env={"no_proxy": "*"}), 4)


class ProgressBar(TestCase):
    def test_is_drawn_on_a_terminal_only(self):
        path = self.parquet_of([record(n) for n in range(100)])
        command = [BIN / "parquet-import", "-database-uri", "memory://", path]

        terminal, stderr = pty.openpty()
        subprocess.run(command, stderr=stderr, check=True)
        os.close(stderr)
        shown = os.read(terminal, 65536).decode()
        os.close(terminal)
        self.assertIn("\r\x1b[K", shown)
        self.assertIn("Imported all records count=100", shown)

        redirected = subprocess.run(command, stderr=subprocess.PIPE, check=True)
        self.assertNotIn(b"\r", redirected.stderr)


if __name__ == "__main__":
    main()
