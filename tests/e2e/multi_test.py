#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Several databases as one: -database-uri given more than once, with and without a server."""

from harness import Server, TestCase, database_uri, main, quote, record, tool

SMALL = [record(i, model="small", dimension=4) for i in range(0, 30, 2)]
LARGE = [record(i, model="large", dimension=8, provider="q") for i in range(1, 30, 2)]


class Multi(TestCase):
    def setUp(self):
        super().setUp()
        self.members = [
            f"sqlite://{self.folder}/small.db?dimensions=4",
            f"lmdb://{self.folder}/large?dimensions=8",
        ]
        self.both = [flag for uri in self.members for flag in ("-database-uri", uri)]

    def listed(self, *client, per_page=7):
        flags = ["-per-page", per_page]
        return self.assertTool(tool("embeddingsdb-client", "list", *client, *flags)).lines()

    def count(self, uri):
        counted = tool("embeddingsdb-client", "count", "-database-uri", uri)
        return int(self.assertTool(counted).out)

    def test_records_go_where_their_vectors_fit_and_read_as_one(self):
        self.assertTool(self.add(LARGE + SMALL, *self.both))
        self.assertEqual([self.count(uri) for uri in self.members], [len(SMALL), len(LARGE)])
        in_order = sorted(SMALL + LARGE, key=lambda r: r["subject_id"])
        self.assertEqual(self.listed(*self.both), in_order)
        models = tool("embeddingsdb-client", "models", *self.both)
        self.assertEqual(self.assertTool(models).json(), ["large", "small"])
        multi = "multi://?" + "&".join("database=" + quote(uri) for uri in self.members)
        verified = self.assertTool(tool("embeddingsdb", "verify", multi)).json()
        self.assertEqual(verified, {"records": 30, "problems": []})

    def test_a_server_has_several_databases(self):
        parquet = self.parquet_of(SMALL + LARGE)
        with Server(self.folder, self.members[0], "-database-uri", self.members[1]) as server:
            self.assertTool(tool("parquet-import", *server.client, parquet))
            self.assertEqual(len(self.listed(*server.client, per_page=4)), 30)
            for one, others in ((SMALL[0], SMALL), (LARGE[0], LARGE)):
                similar = self.assertTool(tool(
                    "embeddingsdb-client", "similar-by-id", *server.client,
                    "-provider", one["provider"], "-depiction-id", one["depiction_id"],
                    "-model", one["model"], "-max-distance", "100", "-max-results", "50",
                )).json()
                self.assertEqual(len(similar), len(others) - 1)
            exported = self.folder / "out.parquet"
            self.assertTool(tool("parquet-export", *server.client, "-output", exported))
            self.assertEqual(self.emit(exported), self.emit(parquet))
            misfit = self.add([record(1, model="other", dimension=5)], *server.client)
            self.assertTool(misfit, 1, "no database takes the 5 elements")
            self.assertEqual(server.stop(), 0)
        self.assertEqual([self.count(uri) for uri in self.members], [len(SMALL), len(LARGE)])

    def test_what_cannot_be_one_database_is_refused_by_name(self):
        sqlite = database_uri("sqlite", self.folder)
        wrong = (
            (["memory://?dimensions=4", "null://?dimensions=4"], 1, "both have dimensions=4"),
            ([sqlite, sqlite], 1, "are the same database"),
            ([sqlite, ""], 1, "database 2: the URI is empty"),
            ([sqlite, "multi://?database=memory%3A%2F%2F"], 1, "holds databases itself"),
            ([sqlite, "sqlite:///nowhere.db?password=s3cret"], 1, "database 2 (sqlite:///nowhere"),
        )
        for uris, code, named in wrong:
            flags = [flag for uri in uris for flag in ("-database-uri", uri)]
            for command in (["embeddingsdb-client", "count"], ["embeddingsdb-server"]):
                result = tool(*command, *flags)
                self.assertTool(result, code, named)
                self.assertNotIn("s3cret", result.err)


if __name__ == "__main__":
    main()
