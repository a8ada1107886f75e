#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command line by itself: flags, help, exit codes, streams."""

import json
import os
import subprocess

from harness import BIN, TestCase, database_uri, main, record, tool

LINKS = (
    "embeddingsdb-server",
    "embeddingsdb-client",
    "parquet-import",
    "parquet-export",
    "parquet-merge",
    "parquet-emit",
    "parquet-metadata",
    "parquet-validate",
    "parquet-gather-stats",
    "parquet-append-stats",
)
CLIENT_COMMANDS = (
    "add count dimensions facets list models providers record remove similar similar-by-id".split()
)


class Help(TestCase):
    def test_every_link_explains_itself_on_stderr(self):
        for link in LINKS:
            for flag in ("-h", "-help", "--help"):
                result = self.assertTool(tool(link, flag), 0, f"Usage:\n  {link} ")
                self.assertEqual(result.out, "")

    def test_every_client_command_explains_itself_with_flags_and_examples(self):
        for command in CLIENT_COMMANDS:
            result = self.assertTool(tool("embeddingsdb-client", command, "-h"))
            self.assertIn(f"Usage:\n  embeddingsdb-client {command} ", result.err)
            self.assertIn('  -client-uri URI\n    \tThe URI', result.err)
            self.assertIn('(default "grpc://localhost:8080")', result.err)
            self.assertIn("\nExamples:\n", result.err)

    def test_help_command_answers_on_stdout(self):
        result = self.assertTool(tool("embeddingsdb", "help", "client", "add"))
        self.assertIn("-record file", result.out)
        self.assertEqual(result.err, "")
        self.assertIn("parquet-merge", tool("embeddingsdb", "help").out)

    def test_version(self):
        self.assertRegex(tool("embeddingsdb", "version").out, r"^embeddingsdb \d+\.\d+\.\d+\n$")
        self.assertEqual(tool("embeddingsdb", "--version").out, tool("embeddingsdb", "version").out)

    def test_unknown_commands(self):
        self.assertTool(tool("embeddingsdb"), 2, "Usage:")
        self.assertTool(tool("embeddingsdb", "servr"), 2, "did you mean server?")
        # As in go-embeddingsdb.
        self.assertTool(tool("embeddingsdb-client"), 1, "Commands:")
        self.assertTool(
            tool("embeddingsdb-client", "frob"), 1, "WARN Unsupported command command=frob"
        )

    def test_bash_completes_commands_and_flags(self):
        def complete(*words):
            script = (
                "source <(embeddingsdb completion bash); "
                'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _embeddingsdb; echo "${COMPREPLY[*]}"'
            )
            path = f"{BIN.resolve()}:{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", script, "bash", *words],
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout.split()

        self.assertEqual(complete("embeddingsdb", "ver"), ["verify", "version"])
        self.assertEqual(complete("embeddingsdb", "re"), ["reindex"])
        self.assertEqual(complete("embeddingsdb", "stats", "-fo"), ["-format"])
        self.assertEqual(complete("embeddingsdb", "client", "prov"), ["providers"])
        self.assertEqual(complete("embeddingsdb", "oembeddings", "sc"), ["schema"])
        self.assertEqual(complete("embeddingsdb", "oembeddings", "validate", "-uri"),
                         ["-uri-format"])
        self.assertEqual(complete("embeddingsdb-client", "list", "-per"), ["-per-page"])
        self.assertEqual(complete("embeddingsdb", "client", "add", "-rec"), ["-record"])
        self.assertEqual(complete("parquet-merge", "-on"), ["-on-duplicate"])
        self.assertEqual(complete("embeddingsdb", "parquet-va"), ["parquet-validate"])
        self.assertEqual(complete("parquet-metadata", "-key"), ["-key-value"])
        self.assertEqual(complete("parquet-append-stats", "-li"), ["-licence"])


class Flags(TestCase):
    def test_wrong_flags_are_told_with_the_usage(self):
        wrong = (
            (["-provder", "x"], "not defined: -provder (did you mean -provider?)"),
            (["-modle", "x"], "not defined: -modle (did you mean -model?)"),
            (["-max-results", "ten"], 'invalid value "ten" for flag -max-results: not an integer'),
            (["-max-results=99999999999"], "out of range"),
            (["-max-results", "-1"], "-max-results -1 is less than 0"),
            (["-max-distance", "NaN"], "not a finite number"),
            (["-verbose=maybe"], "not a boolean"),
            (["-format", "xml"], '"xml" is neither json nor table'),
            (["-model"], "flag needs an argument: -model"),
            (["extra"], 'unexpected argument: "extra"'),
        )
        for flags, error in wrong:
            result = tool("embeddingsdb-client", "similar-by-id", *flags)
            self.assertTool(result, 2, error)
            self.assertIn("Usage:", result.err)
            self.assertEqual(result.out, "")

    def test_what_a_command_cannot_do_without(self):
        self.assertTool(tool("embeddingsdb-client", "add"), 2, "-record is required")
        self.assertTool(tool("embeddingsdb-client", "similar"), 2, "-embeddings is required")
        self.assertTool(tool("embeddingsdb-server"), 2, "-database-uri is required")
        self.assertTool(tool("parquet-import"), 2, "missing argument: FILE")
        self.assertTool(tool("embeddingsdb", "verify"), 2, "missing argument: DATABASE-URI")

    def test_all_spellings_mean_the_same(self):
        database = database_uri("sqlite", self.folder)
        self.assertTool(self.add([record(1, model="x")], "-database-uri", database))
        for spelling in (["-model", "x"], ["--model", "x"], ["-model=x"], ["--model=x"]):
            found = tool(
                "embeddingsdb-client", "record", "-database-uri", database,
                "--provider=p", "-depiction-id", "d000001", *spelling,
            )
            self.assertEqual(self.assertTool(found).json(), record(1, model="x"))

    def test_server_refuses_flags_that_it_would_have_to_ignore(self):
        uri = "grpc://127.0.0.1:0?database-uri=null%3A%2F%2F"
        result = tool("embeddingsdb-server", "-server-uri", uri, "-token-uri", "s3cret")
        self.assertTool(result, 2, "-server-uri has no {token}")
        self.assertNotIn("s3cret", result.err)


class Uris(TestCase):
    def test_malformed_and_unknown_uris_are_named(self):
        wrong = (
            ("nothing", "INVALID_ARGUMENT"),
            ("sqlight://?dsn=x", "sqlight"),
            ("sqlite://?dsn=x&max-resluts=3", "max-results"),
            ("sqlite://?dsn=x&max-results=many", "many"),
            ("sqlite://?dsn=x&metric=l3", "l3"),
        )
        for uri, named in wrong:
            result = tool("embeddingsdb-client", "count", "-database-uri", uri)
            self.assertTool(result, 1, named)
        self.assertTool(tool("embeddingsdb-client", "count", "-client-uri", "gprc://x"), 1, "gprc")

    def test_an_option_given_twice_is_named(self):
        uri = "sqlite://?dsn=x&index=exact&index=hnsw"
        result = tool("embeddingsdb-client", "count", "-database-uri", uri)
        self.assertTool(result, 1, "the URI option index 2 times")

    def test_a_client_and_a_database_exclude_each_other(self):
        both = ["-client-uri", "null://", "-database-uri", "null://"]
        self.assertTool(tool("embeddingsdb-client", "count", *both), 1, "exclude each other")


class ExitCodes(TestCase):
    def test_each_kind_of_failure_has_its_own(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        key = ["-provider", "p", "-depiction-id", "none", "-model", "m"]
        self.assertTool(tool("embeddingsdb-client", "record", *database, *key), 3, "NOT_FOUND")
        self.assertTool(tool("embeddingsdb-client", "remove", *database, *key), 0)
        self.assertTool(tool("parquet-import", *database, self.folder / "none"), 3, "none")
        # Nothing listens at port 1.
        unavailable = tool("embeddingsdb-client", "count", "-client-uri", "grpc://127.0.0.1:1")
        self.assertTool(unavailable, 4, "UNAVAILABLE")
        self.assertNotIn("hint", unavailable.err)
        too_long = json.dumps([1] * 1_000_000)
        similar = ["similar", *database, "-embeddings", "-"]
        vector = tool("embeddingsdb-client", *similar, stdin=too_long)
        self.assertTool(vector, 7, "longer than 1048576 bytes")

    def test_records_that_are_refused_leave_nothing_behind(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        good = json.dumps(record(1))
        for bad, error in (
            (good.replace("0.1171875", "NaN"), "record 1"),
            (json.dumps(record(1, embeddings=[])), "embeddings"),
            (json.dumps(record(1, provider="")), "provider"),
            (json.dumps(record(1, extra=1)), "extra"),
            (good[:-5], "ends within a JSON object"),
            ("[" + good + "]", "begins with '{'"),
            ("", "holds no record"),
        ):
            result = tool("embeddingsdb-client", "add", *database, "-record", "-", stdin=bad)
            self.assertTool(result, 1, error)
        self.assertEqual(tool("embeddingsdb-client", "count", *database).out, "0\n")

    def test_a_vector_of_another_length_names_both(self):
        database = ["-database-uri", database_uri("sqlite", self.folder)]
        self.assertTool(self.add([record(1)], *database))
        result = self.add([record(2, dimension=3)], *database)
        self.assertTool(result, 1, "3")
        self.assertIn("4", result.err)


class Streams(TestCase):
    def setUp(self):
        super().setUp()
        self.database = ["-database-uri", database_uri("sqlite", self.folder)]
        self.assertTool(self.add([record(i) for i in range(300)], *self.database))
        self.list = [BIN / "embeddingsdb-client", "list", *self.database, "-per-page", "10"]

    def test_full_disk_behind_stdout_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(self.list, stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Failed to write to standard output", done.stderr)

    def test_reader_that_leaves_is_no_news(self):
        process = subprocess.Popen(self.list, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertNotEqual(process.wait(), 0)

    def test_list_pages(self):
        flags = ["-per-page", "10", "-start-page", "2", "-end-page", "3"]
        listed = self.assertTool(tool("embeddingsdb-client", "list", *self.database, *flags))
        self.assertEqual([r["depiction_id"] for r in listed.lines()],
                         [f"d{i:06}" for i in range(10, 30)])
        every = self.assertTool(tool("embeddingsdb-client", "list", *self.database))
        self.assertEqual(every.lines(), [record(i) for i in range(300)])

    def test_similar_tells_when_the_distance_hides_everything(self):
        flags = ["-model", "m", "-embeddings", "-"]
        far = tool("embeddingsdb-client", "similar", *self.database, *flags, stdin="[9,9,9,9]")
        self.assertTool(far, 0, "No record is within the maximum distance. The nearest is ")
        self.assertEqual(far.out, "[]\n")
        unlimited = tool("embeddingsdb-client", "similar", *self.database, *flags,
                         "-max-distance", "-1", "-max-results", "3", stdin="[9,9,9,9]")
        self.assertEqual(len(self.assertTool(unlimited).json()), 3)
        self.assertEqual(unlimited.err, "")


if __name__ == "__main__":
    main()
