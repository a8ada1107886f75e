#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records on their way from one system to the next: nothing of them changes, to the last bit."""

import json
import struct

from examples import duckdb_rows
from harness import PROJECT, TestCase, database_uri, main, record, tool
from parquet_forge import go_file

VECTORS = PROJECT / "tests" / "vectors"


def as_stored(row):
    """A record as JSON that a Parquet file can hold: vectors of float32."""
    numbers = row["embeddings"]
    layout = f"<{len(numbers)}f"
    rounded = struct.unpack(layout, struct.pack(layout, *numbers))
    return {**row, "embeddings": list(rounded), "attributes": row["attributes"] or {}}


class Journey(TestCase):
    def through(self, engine, source):
        """Imports a file into a database of this engine and exports it."""
        folder = self.folder_for(f"{engine}-{source.stem}")
        database = ["-database-uri", database_uri(engine, folder)]
        self.assertTool(tool("parquet-import", *database, source))
        path = folder / f"{engine}.parquet"
        self.assertTool(tool("parquet-export", *database, "-output", path))
        return path

    def test_from_go_to_us_to_duckdb_to_us(self):
        some = lambda n: {} if n % 5 == 0 else {"t": f"number {n}", "b": ""}
        rows = [record(n, created=-n, attributes=some(n)) for n in range(60)]
        rows += [record(n, model="wide", dimension=300, subject_id="") for n in range(3)]
        go = self.folder / "go.parquet"
        go.write_bytes(go_file(rows))
        read = tool("parquet-emit", go).lines()
        self.assertEqual([as_stored(row) for row in read], [as_stored(row) for row in rows])
        lines = self.emit(go)
        ours = self.through("sqlite", go)
        self.assertEqual(self.emit(ours), lines)
        theirs = self.folder / "theirs.parquet"
        copy = f"COPY (SELECT * FROM '{ours}') TO '{theirs}' (FORMAT parquet)"
        duckdb_rows(copy, None, self.folder)
        self.assertEqual(self.emit(theirs), lines)
        again = self.through("lmdb", theirs)
        self.assertEqual(self.emit(again), lines)
        # The same records in the same order are the same bytes.
        self.assertEqual(self.through("lmdb", go).read_bytes(), again.read_bytes())
        self.assertEqual(self.emit(self.through("duckdb", again)), lines)


class Vectors(TestCase):
    def test_each_file_has_the_records(self):
        lines = (VECTORS / "records.jsonl").read_text(encoding="utf-8")
        files = sorted(VECTORS.glob("*.parquet"))
        self.assertEqual(len(files), 4)
        for path in files:
            with self.subTest(path.name):
                self.assertEqual(self.assertTool(tool("parquet-emit", path)).out, lines)
                self.assertTool(tool("parquet-validate", path))

    def test_go_layout_is_what_the_forge_makes(self):
        path = VECTORS / "go-embeddingsdb.parquet"
        number = lambda text: -0.0 if text == "-0" else int(text)
        lines = self.assertTool(tool("parquet-emit", path)).out.splitlines()
        rows = [as_stored(json.loads(line, parse_int=number)) for line in lines]
        self.assertEqual(go_file(rows), path.read_bytes())

    def test_a_bit_that_changed_is_seen(self):
        data = bytearray((VECTORS / "go-embeddingsdb.parquet").read_bytes())
        at = data.index(struct.pack("<ff", 0.5, -1.0))
        data[at] ^= 1
        path = self.folder / "changed.parquet"
        path.write_bytes(data)
        lines = (VECTORS / "records.jsonl").read_text(encoding="utf-8")
        self.assertNotEqual(self.assertTool(tool("parquet-emit", path)).out, lines)


if __name__ == "__main__":
    main()
