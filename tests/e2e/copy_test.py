#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""embeddingsdb copy: between all engines and a server, interrupted, and what it says of it."""

import re
import subprocess
import time

from harness import BIN, ENGINES, PATIENCE, Server, TestCase, database_uri, main, record, tool


def records():
    return (
        [record(n, provider=f"p{n % 3}") for n in range(1500)]
        + [record(n, model="wide", dimension=300, attributes={}) for n in range(50)]
        + [record(n, model="m-1", subject_id="", created=-n) for n in range(10)]
    )


class Copy(TestCase):
    def copied(self, *arguments):
        """What a copy says, by line: {"Copied": {"count": ...}, "Verified": {...}}."""
        result = self.assertTool(tool("embeddingsdb", "copy", *arguments))
        self.assertEqual(result.out, "")
        lines = re.findall(r"INFO (Would copy|\w+) all records (.*)", result.err)
        return {what: dict(field.split("=") for field in rest.split()) for what, rest in lines}

    def filled(self, rows, name="from"):
        uri = database_uri("sqlite", self.folder_for(name))
        self.assertTool(self.add(rows, "-database-uri", uri))
        return uri

    def everything(self, *where):
        return sorted(self.assertTool(tool("embeddingsdb-client", "list", *where)).out.splitlines())

    def test_through_all_engines_and_a_server(self):
        uri = first = self.filled(records())
        expected = self.everything("-database-uri", first)
        self.assertEqual(len(expected), 1560)
        hashes = set()
        for engine in (*ENGINES, "lmdb"):
            target = database_uri(engine, self.folder_for(f"{engine}{len(hashes)}{uri[:4]}"))
            said = self.copied(uri, target)
            self.assertEqual(said["Copied"]["added"], "1560")
            self.assertEqual(said["Verified"]["identical"], "1560")
            hashes.add(said["Verified"]["hash"])
            uri = target
        self.assertEqual(self.everything("-database-uri", uri), expected)
        with Server(self.folder, database_uri("duckdb", self.folder)) as server:
            hashes.add(self.copied(uri, server.client[1])["Verified"]["hash"])
            self.assertEqual(self.everything(*server.client), expected)
            back = database_uri("lmdb", self.folder_for("back"))
            hashes.add(self.copied(server.client[1], back)["Verified"]["hash"])
        self.assertEqual(self.everything("-database-uri", back), expected)
        self.assertEqual(len(hashes), 1, "the same records have the same hash everywhere")

    def test_filters_and_what_is_there_stay(self):
        source = self.filled([record(n, provider=f"p{n % 3}") for n in range(30)])
        target = self.filled([record(n, provider="other") for n in range(5)], "to")
        said = self.copied("-filter", "provider=p1", source, target)
        self.assertEqual(said["Copied"]["count"], "10")
        self.assertEqual(tool("embeddingsdb-client", "count", "-database-uri", target).out, "15\n")

    def test_taken_keys(self):
        source = self.filled([record(n, created=95 + n) for n in range(15)])
        target = self.filled([record(n, created=100) for n in range(10)], "to")
        said = self.copied("-dry-run", source, target)
        self.assertEqual(list(said), ["Would copy"])
        self.assertEqual(said["Would copy"]["replaced"], "10")
        self.assertTool(tool("embeddingsdb", "copy", "-on-duplicate", "fail", source, target), 1)
        said = self.copied("-on-duplicate", "newest", source, target)
        self.assertEqual([said["Copied"][name] for name in ("added", "replaced", "skipped")],
                         ["5", "5", "5"])
        self.assertEqual(said["Verified"]["different"], "5")
        self.assertEqual(self.copied(source, target)["Verified"]["different"], "0")
        self.assertEqual(list(self.copied("-verify=false", source, target)), ["Copied"])

    def test_wrong_uses(self):
        source = self.filled([record(1)])
        for arguments, code, error in [
            ([source], 2, "FROM-URI TO-URI"),
            ([source, source], 2, "the same"),
            (["-resume", "s", "-dry-run", source, "memory://"], 2, "excludes"),
            (["-on-duplicate", "first", source, "memory://"], 2, "first"),
            ([source, "nothing://"], 2, "nothing"),
            ([database_uri("sqlite", self.folder / "absent"), "memory://"], 1, "absent"),
        ]:
            with self.subTest(arguments):
                result = tool("embeddingsdb", "copy", *arguments)
                self.assertNotEqual(result.code, 0)
                self.assertTool(result, result.code, error)

    def test_an_interrupted_copy_goes_on(self):
        rows = [record(n) for n in range(50)] + [record(n, model="wide") for n in range(3)]
        source = self.filled(rows)
        target = self.filled([record(0, provider="other", model="wide", dimension=5)], "to")
        state = self.folder / "copy.state"
        resume = ["-resume", state]
        result = tool("embeddingsdb", "copy", *resume, source, target)
        self.assertTool(result, 1, "after 50 records were stored")
        self.assertNotIn(str(self.folder), state.read_text(encoding="utf-8"))
        result = tool("embeddingsdb", "copy", *resume, source, "memory://")
        self.assertTool(result, 6, "to another place")

        self.assertTool(self.add([record(7, created=1)], "-database-uri", source))
        result = tool("embeddingsdb", "copy", *resume, source, target)
        self.assertTool(result, 6, "have changed")
        state.unlink()
        self.assertTool(tool("embeddingsdb", "copy", *resume, source, target), 1, "after 49")
        key = ["-provider", "other", "-model", "wide", "-depiction-id", "d000000"]
        self.assertTool(tool("embeddingsdb-client", "remove", "-database-uri", target, *key))
        said = self.copied(*resume, source, target)
        self.assertEqual(said["Copied"]["count"], "53")
        self.assertEqual(said["Copied"]["added"], "3", "nothing is stored twice")
        self.assertEqual(said["Verified"]["identical"], "53")
        self.assertFalse(state.exists())

    def test_a_killed_copy_goes_on(self):
        rows = [record(n, dimension=64) for n in range(20_000)]
        source = self.filled(rows)
        target = database_uri("lmdb", self.folder_for("to"))
        state = self.folder / "copy.state"
        command = [BIN / "embeddingsdb", "copy", "-resume", state, source, target]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + PATIENCE
            while not state.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            process.kill()
        said = self.copied("-resume", state, source, target)
        self.assertEqual(said["Copied"]["count"], "20000")
        self.assertEqual(said["Verified"]["identical"], "20000")


if __name__ == "__main__":
    main()
