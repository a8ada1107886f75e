#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The server and its clients over a real socket: verbs, token, TLS, signals."""

import json
import re
import signal
import subprocess
import threading

from harness import (
    BIN, ENGINES, PATIENCE, Server, TestCase, database_uri, json_lines, main, record, tool,
)


def key(number, model="m"):
    return ["-provider", "p", "-depiction-id", f"d{number:06}", "-model", model]


class Verbs(TestCase):
    def test_all_of_them_on_each_engine(self):
        for engine in ENGINES:
            with self.subTest(engine):
                folder = self.folder_for(engine)
                with Server(folder, database_uri(engine, folder)) as server:
                    self.check_empty(server)
                    self.check_filled(server)
                    self.assertEqual(server.stop(), 0, server.log())

    def check_empty(self, server):
        def ask(*args, **more):
            return self.assertTool(tool("embeddingsdb-client", *args, *server.client, **more)).out

        # What go-embeddingsdb's client prints when there is nothing.
        self.assertEqual(ask("models"), "null\n")
        self.assertEqual(ask("providers"), "null\n")
        self.assertEqual(ask("list"), "")
        self.assertEqual(ask("count"), "0\n")
        flags = ["-embeddings", "-", "-model", "m"]
        self.assertEqual(ask("similar", *flags, stdin="[1,2,3,4]"), "[]\n")

    def check_filled(self, server):
        def ask(*args, **more):
            return self.assertTool(tool("embeddingsdb-client", *args, *server.client, **more))

        first = self.add([record(1)], *server.client)
        self.assertTool(first, 0, "INFO Added record p-d000001-m")
        many = [record(n) for n in range(2, 40)] + [record(1, provider="q", model="w", dimension=6)]
        self.assertTool(self.add(many, *server.client), 0, "INFO Added records count=39")

        self.assertEqual(ask("record", *key(7)).json(), record(7))
        self.assertEqual(ask("count").out, "40\n")
        self.assertEqual(ask("count", "-filter", "provider=q").out, "1\n")
        self.assertEqual(ask("models").out, '["m","w"]\n')
        self.assertEqual(ask("models", "-provider", "q").out, '["w"]\n')
        self.assertEqual(ask("providers").out, '["p","q"]\n')
        self.assertEqual(ask("dimensions").out, "[4,6]\n")
        self.assertEqual(len(ask("list", "-per-page", "7").lines()), 40)

        near = ask("similar-by-id", *key(7), "-max-results", "3", "-max-distance", "-1").json()
        self.assertEqual(len(near), 3)
        self.assertNotIn("d000007", [found["depiction_id"] for found in near])
        distances = [found["similarity"] for found in near]
        self.assertEqual(distances, sorted(distances))
        vector = json.dumps(record(7)["embeddings"])
        flags = ["-embeddings", "-", "-model", "m", "-max-results", "1"]
        self.assertEqual(ask("similar", *flags, stdin=vector).json()[0]["depiction_id"], "d000007")
        without = ask("similar", *flags, "-exclude", "d000007", stdin=vector).json()
        self.assertNotEqual(without[0]["depiction_id"], "d000007")
        table = ask("similar", *flags, "-format", "table", stdin=vector).out.splitlines()
        self.assertRegex(table[0], r"^distance +title +provider +depiction id$")
        self.assertRegex(table[1], r"^0\.0000 +s000007 +p +d000007$")

        ask("remove", *key(7))
        self.assertTool(tool("embeddingsdb-client", "record", *key(7), *server.client), 3)

    def test_records_survive_a_restart(self):
        for engine in ENGINES:
            with self.subTest(engine):
                folder = self.folder_for(engine)
                database = database_uri(engine, folder)
                with Server(folder, database) as server:
                    self.assertTool(self.add([record(n) for n in range(50)], *server.client))
                    self.assertEqual(server.stop(signal.SIGINT), 0, server.log())
                with Server(folder, database) as server:
                    listed = tool("embeddingsdb-client", "list", *server.client, "-per-page", "100")
                    self.assertEqual(listed.lines(), [record(n) for n in range(50)])

    def test_second_server_on_a_database_is_refused(self):
        for engine in ENGINES:
            with self.subTest(engine):
                folder = self.folder_for(engine)
                database = database_uri(engine, folder)
                with Server(folder, database):
                    second = tool("embeddingsdb-server", "-database-uri", database, "-server-uri",
                                  "grpc://127.0.0.1:0?database-uri={database}")
                    self.assertTool(second, 6, "FAILED_PRECONDITION")

    def test_taken_port_is_named(self):
        with Server(self.folder, "null://") as server:
            uri = f"grpc://{server.address}?database-uri={{database}}"
            second = tool("embeddingsdb-server", "-database-uri", "null://", "-server-uri", uri)
            self.assertTool(second, 4, server.address)


class Token(TestCase):
    def count(self, server, token):
        uri = f"grpc://{server.address}" + (f"?token-uri={token}" if token is not None else "")
        return tool("embeddingsdb-client", "count", "-verbose", "-client-uri", uri)

    def test_only_the_right_one_gets_in(self):
        token_file = self.folder / "token"
        token_file.write_text("correct-horse\n", encoding="ascii")
        flags = ["-token-uri", f"file://{token_file}"]
        with Server(self.folder, "memory://", *flags, parameters="&token-uri={token}") as server:
            self.assertTool(self.count(server, None), 6, "UNAUTHENTICATED")
            self.assertTool(self.count(server, "battery-staple"), 6, "UNAUTHENTICATED")
            self.assertTool(self.count(server, "correct-horse"), 0)
            self.assertTool(self.count(server, f"file://{token_file}"), 0)
            server.stop()
            self.assertNotIn("correct-horse", server.log())
            self.assertNotIn("battery-staple", server.log())

    def test_without_one_everybody_gets_in(self):
        # go-embeddingsdb's default server URI locks everybody out here.
        with Server(self.folder, "memory://", parameters="&token-uri={token}") as server:
            self.assertTool(self.count(server, None), 0)

    def test_no_tool_repeats_a_token(self):
        uri = "grpc://127.0.0.1:1?token-uri=s3cret-token"
        for command in (["count"], ["models"], ["record", *key(1)]):
            result = tool("embeddingsdb-client", *command, "-verbose", "-client-uri", uri)
            self.assertTool(result, 4)
            self.assertNotIn("s3cret-token", result.err + result.out)


class Tls(TestCase):
    def setUp(self):
        super().setUp()
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        self.self_signed("good", *names)
        self.self_signed("other", *names)
        self.self_signed("elsewhere", "-addext", "subjectAltName=DNS:elsewhere.example")

    def parameters(self, certificate, key_of):
        return (f"&tls-certificate={self.folder}/{certificate}.crt"
                f"&tls-key={self.folder}/{key_of}.key")

    def count(self, server, parameters):
        uri = f"grpc://{server.address}{parameters}"
        return tool("embeddingsdb-client", "count", "-client-uri", uri)

    def test_only_a_trusted_server_is_spoken_to(self):
        with Server(self.folder, "memory://", parameters=self.parameters("good", "good")) as server:
            trusted = self.count(server, f"?tls-certificate={self.folder}/good.crt")
            self.assertEqual(self.assertTool(trusted).out, "0\n")
            self.assertTool(self.count(server, f"?tls-certificate={self.folder}/other.crt"), 4)
            self.assertTool(self.count(server, ""), 4)
            insecure = f"?tls-certificate={self.folder}/other.crt&tls-insecure=true"
            self.assertTool(self.count(server, insecure), 0)
            self.assertEqual(server.stop(), 0)

    def test_certificate_for_another_name_is_refused(self):
        elsewhere = self.parameters("elsewhere", "elsewhere")
        with Server(self.folder, "memory://", parameters=elsewhere) as server:
            self.assertTool(self.count(server, f"?tls-certificate={self.folder}/elsewhere.crt"), 4)

    def test_server_does_not_start_with_bad_files(self):
        (self.folder / "empty.crt").write_text("", encoding="ascii")
        for parameters, code in (
            (self.parameters("good", "other"), 1),
            (self.parameters("empty", "good"), 1),
            (self.parameters("none", "good"), 3),
            (f"&tls-certificate={self.folder}/good.crt", 1),
        ):
            result = tool("embeddingsdb-server", "-database-uri", "memory://", "-server-uri",
                          "grpc://127.0.0.1:0?database-uri={database}" + parameters)
            self.assertTool(result, code, "tls-")

    def test_open_address_needs_tls_and_token(self):
        result = tool("embeddingsdb-server", "-database-uri", "memory://", "-server-uri",
                      "grpc://0.0.0.0:0?database-uri={database}")
        self.assertNotEqual(result.code, 0)
        self.assertIn("0.0.0.0", result.err)


class Stopping(TestCase):
    def test_sigterm_under_load_loses_nothing(self):
        for engine in ENGINES:
            with self.subTest(engine):
                self.check_stop_under_load(engine)

    def check_stop_under_load(self, engine):
        folder = self.folder_for(engine)
        database = database_uri(engine, folder)
        with Server(folder, database) as server:
            # An endless import, stopped by the server when it ends.
            importer = subprocess.Popen(
                [BIN / "embeddingsdb-client", "add", "-verbose", *server.client, "-record", "-"],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            feeder = threading.Thread(target=self.feed, args=(importer.stdin,))
            feeder.start()
            acknowledged = 0
            for line in importer.stderr:
                found = re.search(r"Records acknowledged count=(\d+)", line)
                if not found:
                    continue
                acknowledged = int(found[1])
                if acknowledged > 500 and server.process.poll() is None:
                    server.process.send_signal(signal.SIGTERM)
                    break
            rest = importer.stderr.read()
            counts = re.findall(r"acknowledged count=(\d+)", rest)
            acknowledged = max([acknowledged, *map(int, counts)])
            self.assertEqual(server.process.wait(PATIENCE), 0, server.log())
            self.assertEqual(importer.wait(PATIENCE), 4, rest)
            feeder.join()
            importer.stderr.close()
        stored = tool("embeddingsdb-client", "list", "-per-page", "1000", "-database-uri", database)
        stored = [r["depiction_id"] for r in self.assertTool(stored).lines()]
        self.assertGreater(acknowledged, 500)
        self.assertEqual(stored[:acknowledged], [f"d{n:06}" for n in range(acknowledged)])

    @staticmethod
    def feed(pipe):
        # Closing it writes what the pipe has not taken yet, which fails like any write.
        try:
            with pipe:
                for first in range(0, 1_000_000, 100):
                    pipe.write(json_lines(record(n) for n in range(first, first + 100)))
        except BrokenPipeError:
            pass

    def test_calls_after_the_end_say_that_nobody_is_there(self):
        with Server(self.folder, "memory://") as server:
            self.assertEqual(server.stop(), 0)
            self.assertTool(tool("embeddingsdb-client", "count", *server.client), 4)


if __name__ == "__main__":
    main()
