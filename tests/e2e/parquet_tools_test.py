#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tools that look at Parquet files and mend them: metadata, statistics, validation."""

import json
import os
import resource
import subprocess

from examples import duckdb_rows
from harness import BIN, PATIENCE, TestCase, main, record, tool

DIGEST = "sha256:" + "0123456789abcdef" * 4
ROW = (
    "'p' AS provider, i::VARCHAR AS depiction_id, 's' AS subject_id, 'm' AS model, "
    "[i, 1]::FLOAT[] AS embeddings, 7::BIGINT AS created, MAP {'k': 'v'} AS attributes"
)


class ToolsTestCase(TestCase):
    def copy(self, name, select=f"SELECT {ROW} FROM range(100) t(i)", options=""):
        """A file that DuckDB writes."""
        path = self.folder / name
        duckdb_rows(f"COPY ({select}) TO '{path}' (FORMAT parquet{options})", None, self.folder)
        return path

    def key_values(self, path):
        return self.assertTool(tool("parquet-metadata", "-key-value", path)).json()

    def assert_valid(self, path, rows):
        result = self.assertTool(tool("parquet-validate", "-output", "json", path))
        report = result.json()
        self.assertEqual((report["valid"], report["rows"]), (True, rows), report)
        self.assertEqual(report["problems"], [], report)
        self.assertEqual(len(self.emit(path)), rows)
        return report

    def assert_problem(self, path, kind, message):
        result = self.assertTool(tool("parquet-validate", "-output", "json", path), 5)
        [problem] = result.json()["problems"]
        self.assertEqual(problem["kind"], kind)
        self.assertIn(message, problem["message"])


class Metadata(ToolsTestCase):
    def test_footer_as_json_as_table_and_its_key_values(self):
        path = self.parquet_of([record(n, provider=f"p{n % 2}") for n in range(10)])
        footer = self.assertTool(tool("parquet-metadata", path)).json()
        self.assertEqual(list(footer)[:4], ["Version", "Schema", "NumRows", "RowGroups"])
        self.assertEqual(footer["NumRows"], 10)
        self.assertEqual(footer["Schema"][0]["Name"], "Record")
        pairs = {pair["Key"]: pair["Value"] for pair in footer["KeyValueMetadata"]}
        self.assertEqual(self.key_values(path), pairs)
        self.assertEqual(pairs["embeddingsdb:provider:p1:models"], "m")
        self.assertEqual(json.loads(pairs["embeddings"])["models"][0]["records"], 10)
        table = self.assertTool(tool("parquet-metadata", "-format", "table", path)).out
        self.assertRegex(table, r"(?m)^10 +1 +2 +embeddingsdb version ")
        self.assertRegex(table, r"(?m)^created +INT64 \(INTEGER\) +REQUIRED +10 .* UNCOMPRESSED ")
        self.assertRegex(table, r'(?m)^"embeddingsdb:models": "m"$')

    def test_exactly_one_file_is_wanted(self):
        self.assertTool(tool("parquet-metadata"), 2, "Invalid arguments.")
        self.assertTool(tool("parquet-metadata", "a", "b"), 2, "Invalid arguments.")
        self.assertTool(tool("parquet-metadata", self.folder / "none"), 3, "none")
        self.assertTool(tool("parquet-metadata", "-format", "xml", "a"), 2, '"xml" is neither')


class Statistics(ToolsTestCase):
    def test_are_gathered_from_the_rows_of_all_files(self):
        a = self.copy("a.parquet", options=", KV_METADATA {\"embeddingsdb:models\": 'wrong'}")
        b = self.parquet_of([record(n, provider="q", model="wide", dimension=7) for n in range(3)])
        result = self.assertTool(tool("parquet-gather-stats", a, b))
        self.assertEqual(
            result.json(),
            {
                "models": ["m", "wide"],
                "providers": ["p", "q"],
                "model_providers": {"m": ["p"], "wide": ["q"]},
                "model_dimensions": {"m": 2, "wide": 7},
                "provider_models": {"p": ["m"], "q": ["wide"]},
            },
        )

    def test_are_appended_in_place_and_nothing_else_changes(self):
        select = f"SELECT {ROW}, 'kept' AS other FROM range(3000) t(i)"
        path = self.copy("a.parquet", select, ", ROW_GROUP_SIZE 2048, KV_METADATA {x: 'y'}")
        before, lines = path.read_bytes(), self.emit(path)
        facts = ["-licence", "CC0-1.0", "-model-digest", f"m={DIGEST}", "-model-metric", "m=cosine"]
        result = tool("parquet-append-stats", *facts, "-output", path, path)
        self.assertTool(result, 0, "INFO Appended statistics count=3000")
        self.assertEqual(os.listdir(self.folder), ["a.parquet"])
        pages = len(before) - 8 - int.from_bytes(before[-8:-4], "little")
        self.assertEqual(path.read_bytes()[:pages], before[:pages])
        self.assertEqual(self.emit(path), lines)
        [[others]] = duckdb_rows(f"SELECT count(other) FROM '{path}'", None, self.folder)
        self.assertEqual(others, "3000")
        values = self.key_values(path)
        self.assertEqual(values["x"], "y")
        [model] = json.loads(values["embeddings"])["models"]
        self.assertEqual((model["digest"], model["metric"]), (DIGEST, "cosine"))
        report = self.assert_valid(path, 3000)
        self.assertEqual([note["kind"] for note in report["notes"]], ["extra-column"])

        after = path.read_bytes()
        self.assertTool(tool("parquet-append-stats", "-output", path, path))
        self.assertEqual(path.read_bytes(), after)

    def test_several_files_become_one(self):
        a = self.copy("a.parquet")
        b = self.parquet_of([record(n, model="wide", dimension=7) for n in range(3)])
        out = self.folder / "out.parquet"
        self.assertTool(tool("parquet-append-stats", "-output", out, a, b), 0, "count=103")
        self.assert_valid(out, 103)
        self.assertTool(tool("parquet-append-stats", "-output", out, a, a), 1, "counting from 0")

    def test_wrong_facts_write_nothing(self):
        path = self.copy("a.parquet")
        out = self.folder / "out.parquet"
        for flags, code, error in (
            (["-model-digest", "m=md5"], 2, "is not like sha256:"),
            (["-model-metric", "m=far"], 2, "far"),
            (["-model-digest", f"m={DIGEST}", "-model-digest", f"m={DIGEST}"], 2, "twice"),
            (["-model-digest", f"n={DIGEST}"], 1, 'facts about the model "n"'),
        ):
            result = tool("parquet-append-stats", *flags, "-output", out, path)
            self.assertTool(result, code, error)
            self.assertFalse(out.exists())

    def test_merge_keeps_facts_that_agree_and_refuses_two_digests(self):
        a = self.copy("a.parquet")
        b = self.copy("b.parquet", f"SELECT {ROW} FROM range(100, 200) t(i)")
        other = "sha256:" + "f" * 64
        for path, digest in ((a, DIGEST), (b, other)):
            append = ["-licence", "CC0-1.0", "-model-digest", f"m={digest}", "-output", path, path]
            self.assertTool(tool("parquet-append-stats", *append))
        out = self.folder / "out.parquet"
        merge = ["-output", out, a, b]
        self.assertTool(tool("parquet-merge", *merge), 1, 'model "m" has the digest')
        self.assertFalse(out.exists())
        self.assertTool(tool("parquet-merge", "-model-digest", f"m={other}", *merge))
        document = json.loads(self.key_values(out)["embeddings"])
        self.assertEqual(document["licence"], "CC0-1.0")
        self.assertEqual(document["models"][0]["digest"], other)
        self.assertEqual(document["models"][0]["records"], 200)
        self.assert_valid(out, 200)


class Validate(ToolsTestCase):
    def test_files_of_ours_and_of_duckdb_are_valid(self):
        ours = self.parquet_of([record(n) for n in range(100)])
        self.assertEqual(self.assert_valid(ours, 100)["notes"], [])
        notes = self.assert_valid(self.copy("duckdb.parquet"), 100)["notes"]
        self.assertEqual([note["kind"] for note in notes], ["statistics", "document"])

    def test_the_map_as_json_is_read_back(self):
        path = self.copy("a.parquet")
        as_json = "CAST(to_json(attributes) AS VARCHAR) AS attributes"
        dataset = self.copy("dataset.parquet", f"SELECT * REPLACE ({as_json}) FROM '{path}'")
        self.assert_valid(dataset, 100)
        self.assertEqual(self.emit(dataset), self.emit(path))

    def test_text_is_a_sentence_a_line(self):
        good = self.copy("good.parquet")
        rows = f"SELECT {ROW} FROM range(12) t(i)"
        bad = self.copy("bad.parquet", f"SELECT * REPLACE ('' AS provider) FROM ({rows})")
        result = self.assertTool(tool("parquet-validate", bad, good), 5)
        lines = result.out.splitlines()
        self.assertEqual(lines[0], f"{bad}: row 0: provider is empty")
        self.assertEqual(lines[10], f"{bad}: 2 more like these (empty-key)")
        self.assertIn(f"{bad}: not valid, 12 rows read", lines)
        self.assertEqual(lines[-1], f"{good}: valid, 100 rows read")

    def test_a_file_that_is_not_there_does_not_hide_the_others(self):
        good = self.copy("good.parquet")
        result = tool("parquet-validate", self.folder / "none", good)
        self.assertTool(result, 3, "No such file")
        self.assertEqual(result.out.splitlines()[-1], f"{good}: valid, 100 rows read")
        wrong = tool("parquet-validate", "-output", "xml", good)
        self.assertTool(wrong, 2, "neither text nor json")

    def test_statistics_of_other_rows_are_found(self):
        pairs = {"models": "m;old", "providers": "p", "model:m:providers": "p",
                 "provider:p:models": "m"}
        said = ", ".join(f"\"embeddingsdb:{key}\": '{value}'" for key, value in pairs.items())
        path = self.copy("a.parquet", options=f", KV_METADATA {{{said}}}")
        self.assert_problem(path, "statistics", 'says "m;old", the rows say "m"')
        self.assertTool(tool("parquet-append-stats", "-output", path, path))
        self.assert_valid(path, 100)


class Hostile(ToolsTestCase):
    """Whatever is in a file, the tools end soon and with a sentence."""

    TOOLS = ("parquet-validate", "parquet-metadata", "parquet-gather-stats", "parquet-append-stats")

    def setUp(self):
        super().setUp()
        self.good = self.copy("good.parquet").read_bytes()
        self.path = self.folder / "bad.parquet"

    def run_all(self):
        """Runs the tools and returns what parquet-validate said."""
        results = {}
        for name in self.TOOLS:
            # In a file, so that what append-stats may write does not fill a pipe.
            with open(self.folder / "out", "w+b") as out:
                done = subprocess.run(
                    [BIN / name, self.path], stdout=out, stderr=subprocess.PIPE, timeout=PATIENCE,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)),
                )
                out.seek(0)
                results[name] = (done.returncode, out.read(), done.stderr.decode())
        for name, (code, out, err) in results.items():
            self.assertIn(code, (0, 1, 5, 7), (name, code, err))
            self.assertNotIn("Sanitizer", err)
            self.assertNotIn("/proc/self", err + out.decode(errors="replace"))
        return results["parquet-validate"][1].decode()

    def test_cut_off_anywhere(self):
        size = len(self.good)
        for length in (0, 4, 12, size // 2, size - 1):
            self.path.write_bytes(self.good[:length])
            self.assertIn("not valid, 0 rows read", self.run_all(), length)

    def test_footers_that_lie(self):
        footer = int.from_bytes(self.good[-8:-4], "little")
        for length in (footer + 1, footer - 1, 0, 0xFFFFFFFF):
            self.path.write_bytes(self.good[:-8] + length.to_bytes(4, "little") + b"PAR1")
            self.assertIn("not valid", self.run_all(), length)

    def test_changed_bytes_of_the_footer(self):
        footer = int.from_bytes(self.good[-8:-4], "little")
        start = len(self.good) - 8 - footer
        found = 0
        for at in range(start, start + footer, footer // 8):
            changed = bytearray(self.good)
            changed[at] ^= 0xFF
            self.path.write_bytes(changed)
            found += "not valid" in self.run_all()
        self.assertGreater(found, 2)


class Canary(ToolsTestCase):
    """What the tests above look for is found when it is there."""

    def test_a_planted_fault_fails_the_check(self):
        duplicate = f"SELECT {ROW} FROM (SELECT 1 AS i FROM range(2))"
        path = self.copy("a.parquet", duplicate)
        with self.assertRaisesRegex(AssertionError, "duplicate-key"):
            self.assert_valid(path, 2)
        self.assert_problem(path, "duplicate-key", "is in row 0 already")
        with self.assertRaises(AssertionError):
            self.assert_problem(path, "dimensions", "is in row 0 already")

    def test_a_changed_page_fails_the_check(self):
        path = self.parquet_of([record(n) for n in range(10)])
        content = bytearray(path.read_bytes())
        at = content.index(bytes.fromhex("28b52ffd"))  # zstd: the dictionary of providers
        content[at + 4 : at + 8] = b"\xff" * 4
        path.write_bytes(content)
        with self.assertRaises(AssertionError):
            self.assert_valid(path, 10)
        self.assert_problem(path, "file", "it cannot be read at row 0 or later")


if __name__ == "__main__":
    main()
