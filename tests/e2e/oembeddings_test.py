#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""OEmbeddings: what is checked, what is printed, and that one bad record among many is found."""

import json
import re

from harness import ENGINES, PROJECT, TestCase, database_uri, main, record, tool

COLLECTION = PROJECT / "demo/openclipart.parquet"
FIELDS = ("type preview depiction_url subject_url subject_title subject_creditline provider_name"
          " provider_url").split()
GOOD = {
    "type": "image",
    "preview": "data:image/png;base64,iVBORw0KGgo=",
    "subject_url": "https://example.org/objects/2",
    "subject_title": "Red Fishes",
    "subject_creditline": "",
    "provider_name": "Example Museum",
    "provider_url": "https://example.org/",
}


def validate(*args, stdin=""):
    return tool("embeddingsdb", "oembeddings", "validate", *args, stdin=stdin)


def totals(out):
    """The numbers of the first table: documents, valid, invalid, with warnings."""
    found = re.search(r"^documents +(\d+)\nvalid +(\d+)\ninvalid +(\d+)\nwith warnings +(\d+)\n",
                      out, re.MULTILINE)
    return tuple(map(int, found.groups()))


def problems(out):
    return [line for line in out.splitlines() if re.search(r"(^|: )(error|warning): ", line)]


def counts(out, field):
    """missing, empty, errors and warnings of a field."""
    found = re.search(rf"^{field} +(?:required|optional) +(\d+) +(\d+) +(\d+) +(\d+)$", out,
                      re.MULTILINE)
    return tuple(map(int, found.groups()))


class Demo(TestCase):
    """Real data: all of it is valid, and a fault that is put into it is found."""

    def test_all_records_of_the_collection_are_valid(self):
        result = self.assertTool(validate("-uri-format", "error", COLLECTION))
        self.assertEqual(totals(result.out), (1465, 1465, 0, 0))
        self.assertEqual(problems(result.out), [])
        self.assertEqual(counts(result.out, "depiction_url"), (1465, 0, 0, 0))
        self.assertEqual(counts(result.out, "subject_url"), (0, 0, 0, 0))

    def test_one_bad_record_is_found_in_every_place(self):
        records = self.assertTool(tool("parquet-emit", COLLECTION)).lines()[:300]
        bad = records[217]
        bad["attributes"]["type"] = "picture"
        del bad["attributes"]["provider_url"]
        name = " ".join(json.dumps(bad[part]) for part in ("provider", "depiction_id", "model"))
        wrong = [
            'error: type is "picture", it must be "image" or "text"',
            "error: provider_url is missing",
        ]
        parquet = self.parquet_of(records)
        row = [json.loads(line) for line in tool("parquet-emit", parquet).out.splitlines()]
        row = [(r["provider"], r["depiction_id"]) for r in row].index(
            (bad["provider"], bad["depiction_id"]))
        self.expect(validate(parquet), [f"row {row}, record {name}: {one}" for one in wrong])
        for engine in ENGINES:
            database = ["-database-uri", database_uri(engine, self.folder_for(engine))]
            self.assertTool(self.add(records, *database))
            self.expect(validate(*database), [f"record {name}: {one}" for one in wrong])
        lines = "".join(json.dumps(r["attributes"]) + "\n" for r in records)
        self.expect(validate("-", stdin=lines), [f"line 218: {one}" for one in wrong])
        as_json = self.assertTool(validate("-output", "json", parquet), 1).lines()
        self.assertEqual(as_json[0], {
            "row": row, **{part: bad[part] for part in ("provider", "depiction_id", "model")},
            "severity": "error", "rule": "type", "field": "type", "message": wrong[0][7:],
        })
        self.assertEqual(len(as_json), 3)
        self.assertEqual(as_json[2]["invalid"], 1)
        self.assertEqual(as_json[2]["fields"]["provider_url"],
                         {"missing": 1, "empty": 0, "errors": 1, "warnings": 0})
        # Mended, it is valid again: it was the fault that was found.
        bad["attributes"].update(type="image", provider_url="https://openclipart.org/")
        self.assertTool(validate(self.parquet_of(records, "mended.parquet")))

    def expect(self, result, wrong):
        self.assertTool(result, 1)
        self.assertEqual(problems(result.out), wrong)
        self.assertEqual(totals(result.out), (300, 299, 1, 0))
        self.assertEqual(counts(result.out, "type"), (0, 0, 1, 0))
        self.assertEqual(counts(result.out, "provider_url"), (1, 0, 1, 0))
        self.assertEqual(result.err, "")


class Documents(TestCase):
    def text(self, **fields):
        return json.dumps({**GOOD, **fields})

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_the_format_is_that_of_the_name_or_of_the_beginning(self):
        spread = json.dumps(GOOD, indent=1)
        two = self.text() + "\n\n" + self.text(type="x") + "\n"
        for name, text, expected, place in (
            ("a.json", spread, (1, 1, 0, 0), ""),
            ("a.JSONL", two, (2, 1, 1, 0), "line 3: "),
            ("a.ndjson", "\n" + two, (2, 1, 1, 0), "line 4: "),
            ("a", two, (2, 1, 1, 0), "line 3: "),
            ("b", spread, (1, 1, 0, 0), ""),
            ("c", "\n\r\n" + spread, (1, 1, 0, 0), ""),
            ("d.json", two, (1, 0, 1, 0), ""),
            ("e", "", (1, 0, 1, 0), ""),
            ("e.jsonl", "", (0, 0, 0, 0), ""),
        ):
            result = validate(self.file(name, text))
            self.assertTool(result, 1 if expected[2] else 0)
            self.assertEqual(totals(result.out), expected, name)
            for line in problems(result.out):
                self.assertRegex(line, f"^{place}error: ")
        self.assertEqual(totals(validate("-format", "jsonl", self.folder / "d.json").out)[0], 2)
        copy = self.folder / "collection"
        copy.write_bytes(COLLECTION.read_bytes())
        self.assertEqual(totals(self.assertTool(validate(copy)).out)[0], 1465)

    def test_a_document_of_the_largest_size(self):
        most = 1024 * 1024
        for name, flags in (("a", ["-format", "json"]), ("b", []), ("c.json", [])):
            text = json.dumps(GOOD, indent=1)
            path = self.file(name, text[:-1] + " " * (most - len(text)) + "}")
            self.assertTool(validate(*flags, path))
            longer = self.assertTool(validate(*flags, self.file(name, path.read_text() + " ")), 1)
            self.assertIn("longer than the limit of 1048576 bytes", longer.out)

    def test_uris(self):
        document = self.text(subject_url="/objects/2", preview="a picture")
        for flags, code, expected, severity in (
            ([], 0, (1, 1, 0, 1), "warning"),
            (["-uri-format", "warn"], 0, (1, 1, 0, 1), "warning"),
            (["-uri-format=error"], 1, (1, 0, 1, 0), "error"),
            (["-uri-format", "ignore"], 0, (1, 1, 0, 0), None),
        ):
            result = self.assertTool(validate("-format", "json", *flags, "-", stdin=document), code)
            self.assertEqual(totals(result.out), expected)
            named = [line.split(":")[0] for line in problems(result.out)]
            self.assertEqual(named, [severity] * 2 if severity else [])

    def test_hostile_lines_are_counted_and_the_rest_is_checked(self):
        lines = "\n".join((
            self.text(), "[" * 100_000, '{"type":"' + "x" * 3_000_000, "\x1b[31m", "{}",
            self.text(type="\x1b[2J"), self.text(),
        ))
        result = self.assertTool(validate("-format", "jsonl", "-", stdin=lines), 1)
        self.assertEqual(totals(result.out), (7, 2, 5, 0))
        self.assertIn("line 2: error: JSON is nested deeper than the limit of 32", result.out)
        self.assertIn("line 3: error: JSON is longer than the limit of 1048576", result.out)
        self.assertIn('line 6: error: type is "\\x1b[2J"', result.out)
        self.assertNotIn("\x1b", result.out)

    def test_what_cannot_be_read_is_an_error_of_its_own(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        for args, code, error in (
            ([], 2, "missing argument: FILE"),
            (["a", "b"], 2, 'unexpected argument: "b"'),
            ([*database, "a"], 2, "exclude each other"),
            ([*database, "-format", "json"], 2, "-format is of files"),
            (["-format", "xml", "a"], 2, '-format "xml" is none of auto, json, jsonl, parquet'),
            (["-uri-format", "x", "a"], 2, '"x" is none of ignore, warn, error'),
            (["-output", "x", "a"], 2, '"x" is none of text, json'),
            ([self.folder / "none.json"], 3, "none.json"),
            ([self.folder / "none.parquet"], 3, "none.parquet"),
            ([self.folder], 1, "is a directory"),
            ([self.file("a.parquet", "{}")], 1, "Parquet"),
            (["-format", "parquet", "-"], 1, "not from standard input"),
            (database, 3, "test.db"),
        ):
            result = self.assertTool(validate(*args), code, error)
            self.assertEqual(result.out, "", args)
        # Asked for a database, it does not make one.
        self.assertFalse((self.folder / "test.db").exists())

    def test_an_empty_database_is_valid(self):
        self.assertTool(self.add([record(1)], "-database-uri", database_uri("sqlite", self.folder)))
        uri = ["-database-uri", database_uri("sqlite", self.folder)]
        self.assertTool(validate(*uri), 1)
        self.assertTool(tool("embeddingsdb-client", "remove", *uri, "-provider", "p",
                             "-depiction-id", "d000001", "-model", "m"))
        self.assertEqual(totals(self.assertTool(validate(*uri)).out), (0, 0, 0, 0))


class Pages(TestCase):
    def test_the_documents_of_the_page_say_what_it_says_of_them(self):
        page = (PROJECT / "docs/oembeddings.md").read_text(encoding="utf-8")
        good, bad = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        said = re.search(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
        self.assertEqual(list(json.loads(good)), FIELDS)
        self.assertTool(validate("-uri-format", "error", "-", stdin=good))
        self.assertEqual(self.assertTool(validate("-", stdin=bad), 1).out, said)

    def test_schema(self):
        schema = self.assertTool(tool("embeddingsdb", "oembeddings", "schema"))
        file = PROJECT / "schema/oembeddings.schema.json"
        self.assertEqual(schema.out, file.read_text(encoding="ascii"))
        self.assertEqual(list(schema.json()["properties"]), FIELDS)

    def test_the_group_of_commands(self):
        self.assertTool(tool("embeddingsdb", "oembeddings"), 2, "Commands:")
        self.assertTool(tool("embeddingsdb", "oembeddings", "frob"), 2, 'unknown command: "frob"')
        self.assertTool(tool("embeddingsdb", "oembeddings", "-h"), 0, "validate")
        help_text = self.assertTool(tool("embeddingsdb", "oembeddings", "validate", "-h")).err
        for part in ("-format", "-uri-format", "-output", "-database-uri URI", "\nExamples:\n"):
            self.assertIn(part, help_text)


if __name__ == "__main__":
    main()
