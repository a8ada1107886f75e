#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Parquet files that are damaged or made to do harm end in a sentence, and nothing changes."""

import os
import pathlib
import signal
import subprocess
import time
import zlib

import parquet_forge as forge
from harness import BIN, PATIENCE, Result, TestCase, database_uri, main, record, tool
from parquet_forge import column, columns, data_page, listed, schema_element, vectors

MANY = 2**31 - 1
MORE = 2**62
# What the tools may end with: the file is no such file, damaged, not there, over a limit.
TOLD = (1, 5, 7)


def bomb(size):
    """`size` zeros as gzip: a thousandth of it."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()


def schema_of(*elements):
    return listed([schema_element("root", children=4), *elements])


def nested(depth):
    """Groups within groups, the innermost with a leaf."""
    groups = [schema_element("g", repetition=forge.OPTIONAL, children=1) for _ in range(depth)]
    return [*groups, schema_element("leaf", forge.FLOAT, forge.REQUIRED)]


def deep(depth):
    """A field that no reader knows, with structures within structures."""
    return {30: (12, b"\x1c" * depth + b"\0" * depth + b"\0")}


def lists(depth):
    """The same with lists."""
    return {30: (9, b"\x19" * depth + b"\x05")}


def packed_vectors(codec, body, stored, **lies):
    page = data_page(body, forge.ROWS * forge.DIMENSION, stored, **lies)
    return columns(embeddings=vectors(page, codec=codec))


def footers():
    """Footers that lie."""
    yield "rows", forge.forge(rows=MORE)
    yield "rows of the group", forge.forge(group_rows=MORE)
    yield "rows of both", forge.forge(rows=MORE, group_rows=MORE)
    yield "negative rows", forge.forge(rows=-1, group_rows=-1)
    yield "a footer of 4 GiB", forge.forge(length=2**32 - 1)
    yield "a footer of nothing", forge.forge(length=0)
    yield "a list of 2^31 columns", forge.forge(schema=listed([schema_element("r")], MANY))
    yield "a list of 2^40 row groups", forge.forge(groups=listed([], 2**40, 12))
    yield "no schema", forge.forge(schema=listed([]))
    yield "structures in structures", forge.forge(extra=deep(100_000))
    yield "lists in lists", forge.forge(extra=lists(100_000))


def schemas():
    """Schemas that cannot be."""
    leaf = schema_element("provider", forge.BYTE_ARRAY, forge.REQUIRED)
    yield "2^31 children", forge.forge(children=MANY)
    yield "negative children", forge.forge(children=-5)
    yield "fewer children than columns", forge.forge(children=1)
    yield "a root without children", forge.forge(schema=listed([leaf]))
    yield "children that are their parents", forge.forge(
        schema=schema_of(*[schema_element("g", repetition=0, children=4)] * 4))
    yield "groups in groups", forge.forge(
        [*columns(), forge.Column(["g"] * 20_000 + ["leaf"], forge.FLOAT, 0,
                                  schema=nested(20_000))])
    yield "a type that is none", forge.forge(columns(provider=column(
        "provider", kind=99, schema=[schema_element("provider", 99, 0)])))
    yield "numbers for a provider", forge.forge(columns(provider=forge.Column(
        ["provider"], forge.INT64, 4, data_page(bytes(32), 4),
        schema=[schema_element("provider", forge.INT64, 0)])))
    yield "one number for a vector", forge.forge(columns(embeddings=forge.Column(
        ["embeddings"], forge.FLOAT, 4, data_page(bytes(16), 4),
        schema=[schema_element("embeddings", forge.FLOAT, 0)])))


def places():
    """Columns that are not where they are said to be."""
    for offset in (-1, -MORE, 0, 1 << 20, MORE):
        yield f"at {offset}", forge.forge(columns(model=column("model", offset=offset)))
    for offset in (1 << 20, MORE):
        yield f"dictionary at {offset}", forge.forge(
            columns(model=column("model", dictionary=offset)))
    for size in (-1, MORE):
        yield f"of {size} bytes", forge.forge(columns(model=column("model", bytes=size)))
    for values in (-1, 5, MANY, MORE):
        yield f"of {values} values", forge.forge(columns(model=column("model", values=values)))
        yield f"vectors of {values} values", forge.forge(columns(embeddings=vectors(
            data_page(forge.vector_body(), 12), values=values)))
    yield "an unknown codec", forge.forge(columns(model=column("model", codec=99)))


def pages():
    """Pages that lie, and bombs."""
    body, size = forge.vector_body(), len(forge.vector_body())
    for lie in ({"uncompressed_size": MANY}, {"uncompressed_size": -1}, {"compressed_size": MANY},
                {"compressed_size": -1}, {"encoding": 99}, {"encoding": forge.RLE_DICTIONARY},
                {"kind": 99}, {"kind": 1}):
        yield f"a page with {lie}", forge.forge(
            packed_vectors(forge.UNCOMPRESSED, body, body, **lie))
    for codec in (forge.SNAPPY, forge.GZIP, forge.ZSTD):
        yield f"noise as codec {codec}", forge.forge(packed_vectors(codec, body, b"\xff" * 40))
        yield f"2 GiB as codec {codec}", forge.forge(
            packed_vectors(codec, body, b"\x28\xb5\x2f\xfd" * 10, uncompressed_size=MANY))
    packed = bomb(1 << 30)
    yield "1 GiB in 1 MiB", forge.forge(
        packed_vectors(forge.GZIP, body, packed, uncompressed_size=1 << 30))
    yield "1 GiB in 1 MiB, unsaid", forge.forge(packed_vectors(forge.GZIP, body, packed))
    yield "a text of 4 GiB", forge.forge(columns(model=forge.Column(
        ["model"], forge.BYTE_ARRAY, 4, data_page(b"\xff" * 64, 4))))
    yield "runs without an end", forge.forge(columns(embeddings=vectors(
        data_page(forge.vector_body(repetition=[(2**40, 1)]), 12))))
    yield "levels beyond", forge.forge(columns(embeddings=vectors(
        data_page(forge.vector_body(definition=[(12, 200)]), 12))))
    yield "cut in a page", forge.forge(columns(embeddings=vectors(
        data_page(body[:size // 2], 12))))
    yield "a dictionary of MANY", forge.forge(columns(model=forge.Column(
        ["model"], forge.BYTE_ARRAY, 4, forge.dictionary_page(b"\1\0\0\0m", MANY),
        data_page(b"\2\4\0", 4, encoding=forge.RLE_DICTIONARY), dictionary=None)))
    yield "indices beyond the dictionary", forge.forge(columns(model=forge.Column(
        ["model"], forge.BYTE_ARRAY, 4, forge.dictionary_page(b"\1\0\0\0m", 1),
        data_page(b"\x20\x08\xff\xff\xff\x7f", 4, encoding=forge.RLE_DICTIONARY))))


def harmless():
    """Lies that change nothing in the records."""
    yield "two types for a column", forge.forge(columns(provider=column(
        "provider", ["p"] * forge.ROWS, kind=1)))
    yield "another path", forge.forge(columns(provider=column(
        "provider", ["p"] * forge.ROWS, path=["x", "y", "z"])))
    yield "a column twice", forge.forge([*columns(), column("provider", ["other"] * forge.ROWS)])
    for offset in (-1, -MORE, 0):
        yield f"dictionary at {offset}", forge.forge(
            columns(model=column("model", ["m"] * forge.ROWS, dictionary=offset)))
    for size in (0, 1):
        yield f"of {size} bytes", forge.forge(
            columns(model=column("model", ["m"] * forge.ROWS, bytes=size)))
    for values in (MANY, -1):
        yield f"a page of {values} values", forge.forge(
            columns(embeddings=vectors(data_page(forge.vector_body(), values))))


class HostileTestCase(TestCase):
    def assert_told(self, result):
        """It ended by itself and said why, in a line that is no report of a crash."""
        self.assertIn(result.code, TOLD, result)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 1, result)
        for word in ("crashed", "terminate", "Sanitizer", "runtime error", "INTERNAL"):
            self.assertNotIn(word, result.err, result)


class Files(HostileTestCase):
    def setUp(self):
        super().setUp()
        self.database = ["-database-uri", database_uri("lmdb", self.folder)]
        self.assertTool(self.add([record(1, model="another")], *self.database))
        self.before = self.listed()

    def listed(self):
        return self.assertTool(tool("embeddingsdb-client", "list", *self.database)).out

    def write(self, data):
        path = self.folder / "hostile.parquet"
        path.write_bytes(data)
        return path

    def assert_refused(self, made):
        count = 0
        for name, data in made:
            count += 1
            with self.subTest(name):
                path = self.write(data)
                self.assert_told(tool("parquet-emit", path))
                self.assert_told(tool("parquet-import", *self.database, path))
                output = self.folder / "out.parquet"
                self.assert_told(tool("parquet-append-stats", "-output", output, path))
                self.assertFalse(output.exists())
                judged = tool("parquet-validate", path)
                self.assertNotEqual(judged.code, 0, judged)
                self.assertGreater(len(judged.out + judged.err), 0, judged)
                self.assertIn(judged.code, TOLD, judged)
        self.assertGreater(count, 8)
        self.assertEqual(self.listed(), self.before)
        left = [name for name in os.listdir(self.folder) if ".tmp-" in name]
        self.assertEqual(left, [])

    def test_the_forge_can_make_what_is_right(self):
        path = self.write(forge.forge())
        self.assertEqual(self.assertTool(tool("parquet-validate", path)).code, 0)
        rows = self.assertTool(tool("parquet-emit", path)).lines()
        ids = [row["depiction_id"] for row in rows]
        self.assertEqual(ids, [f"depiction_id{n}" for n in range(4)])
        self.assertEqual(rows[1]["embeddings"], [0.875, 1, 1.125])
        self.assertTool(tool("parquet-import", *self.database, path))

    def test_what_is_read_all_the_same_is_right(self):
        right = self.emit(self.write(forge.forge()))
        for name, data in harmless():
            with self.subTest(name):
                self.assertEqual(self.emit(self.write(data)), right)

    def test_footers(self):
        self.assert_refused(footers())

    def test_schemas(self):
        self.assert_refused(schemas())

    def test_places(self):
        self.assert_refused(places())

    def test_pages(self):
        self.assert_refused(pages())


class Supervision(HostileTestCase):
    """What the user sees when the process that reads is ended."""

    def setUp(self):
        super().setUp()
        self.path = self.parquet_of([record(n, dimension=64) for n in range(500)])

    def emitting(self):
        """A parquet-emit that waits for somebody to read what it prints, and the process in it."""
        process = subprocess.Popen([BIN / "parquet-emit", self.path], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        process.stdout.read(1)
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        [child] = children.read_text(encoding="ascii").split()
        return process, int(child)

    def end(self, process):
        out, err = process.communicate(timeout=PATIENCE)
        return Result(process.returncode, out, err)

    def test_a_crash_is_told(self):
        process, child = self.emitting()
        os.kill(child, signal.SIGABRT)
        self.assertTool(self.end(process), 5, "ERROR The command crashed")

    def test_a_kill_by_the_system_is_told(self):
        process, child = self.emitting()
        os.kill(child, signal.SIGKILL)
        self.assertTool(self.end(process), 7, "memory runs out")

    def test_signals_end_both(self):
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(how):
                process, child = self.emitting()
                process.send_signal(how)
                ended = self.end(process)
                self.assertEqual((ended.code, ended.err), (-how, ""))
                self.assert_gone(child)

    def assert_gone(self, process):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                state = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="ascii")
            except FileNotFoundError:
                return
            if state.rpartition(")")[2].split()[0] == "Z":
                return
            time.sleep(0.005)
        self.fail(f"process {process} is still there")

    def test_a_reader_that_leaves_ends_both_quietly(self):
        process, child = self.emitting()
        process.stdout.close()
        self.assertIn(process.wait(PATIENCE), (1, -signal.SIGPIPE))
        self.assertEqual(process.stderr.read(), "")
        self.assert_gone(child)

    def test_it_can_be_switched_off(self):
        env = {"EMBEDDINGSDB_SUPERVISE": "0"}
        self.assertEqual(tool("parquet-emit", self.path, env=env).out,
                         tool("parquet-emit", self.path).out)


class Canary(HostileTestCase):
    def test_a_crash_is_noticed(self):
        for code, err in ((-11, ""), (0, ""), (5, "ERROR The command crashed signal=x\n"),
                          (1, "==1==ERROR: AddressSanitizer\n"), (1, "")):
            with self.subTest(code=code, err=err), self.assertRaises(AssertionError):
                self.assert_told(Result(code, "", err))


if __name__ == "__main__":
    main()
