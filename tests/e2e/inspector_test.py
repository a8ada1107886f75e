#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The inspector as a process: sockets, headers, hosts, flags, the environment and signals."""

import http.client
import json
import os
import signal
import socket
import ssl
import struct
import threading
import urllib.parse
import urllib.request

from harness import BIN, PATIENCE, Server, ServerProcess, TestCase, database_uri, main, record, tool

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Inspector(ServerProcess):
    """An inspector that answers; a context manager that ends it."""

    LISTENS = r"Listen for requests address=(\S+)\n"

    def __init__(self, folder, *flags, uri="http://127.0.0.1:0", env=None):
        command = [BIN / "embeddingsdb-inspector", *flags]
        if uri is not None:
            command += ["-server-uri", uri]
        super().__init__(folder, command, env={**os.environ, **(env or {})})
        self.address = urllib.parse.urlsplit(self.address)

    def get(self, path="/", method="GET", headers=None, body=None):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port,
                                                timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode(errors="replace")
        finally:
            connection.close()

    def raw(self, data):
        """What comes back for bytes that need not be HTTP, up to the end of the connection."""
        with socket.create_connection((self.address.hostname, self.address.port),
                                      timeout=PATIENCE) as connection:
            connection.sendall(data)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer


def multipart(fields):
    """A form as browsers send it, and its type."""
    parts = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="a.png"' if name == "upload" else b"", content)
        for name, content in fields)
    return parts + b"--edge--\r\n", "multipart/form-data; boundary=edge"


class InspectorTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.database = database_uri("sqlite", self.folder)
        self.assertTool(self.add([record(n) for n in range(30)], "-database-uri", self.database))

    def inspect(self, *flags, **more):
        return Inspector(self.folder, "-database-uri", self.database, *flags, **more)


class Answers(InspectorTestCase):
    def test_every_answer_has_the_headers(self):
        with self.inspect() as inspector:
            for path, code in (("/", 200), ("/record/p/d000003/?model=m", 200), ("/x/", 404),
                               ("/record/p", 301), ("/css/inspector.css", 200), ("/css/x", 404),
                               ("/api/models/", 200), ("/api/x/", 404), ("/search/", 200),
                               ("/statistics/", 200), ("/compare/p/d000003/", 200),
                               ("/api/openapi.json", 200), ("/search/?query=x", 400),
                               ("/?page=x", 400),
                               ("/%", 400), ("/..%2f..%2fetc/passwd/", 404),
                               ("/css/..%2fcss/inspector.css", 404)):
                with self.subTest(path):
                    status, headers, _ = inspector.get(path)
                    self.assertEqual(status, code)
                    for name, value in HEADERS.items():
                        self.assertEqual(headers.get_all(name), [value])
                    self.assertEqual(headers["Content-Security-Policy"], POLICY)
                    self.assertRegex(headers["Content-Type"],
                                     r"^(application/json|text/\w+; charset=utf-8)$")

    def test_statistics_tell_of_the_graph(self):
        self.database += "&index=hnsw"
        self.assertTool(tool("embeddingsdb", "reindex", self.database))
        graph = "<td>a graph of 30; Euclidean distance</td>"
        with self.inspect() as inspector:
            self.assertIn(graph, inspector.get("/statistics/")[2])
            json_form = json.loads(inspector.get("/statistics/?format=json")[2])
        self.assertEqual(json_form["models"][0]["index"]["search"], "hnsw")
        with Server(self.folder, self.database) as server:
            with Inspector(self.folder, *server.client) as inspector:
                self.assertIn(graph, inspector.get("/statistics/")[2])

    def test_only_reading_is_possible(self):
        with self.inspect() as inspector:
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
                status, headers, body = inspector.get("/", method, body="page=2")
                self.assertEqual((status, body), (405, "Method not allowed\n"))
                self.assertEqual(headers["Allow"], "GET, HEAD")
            status, headers, body = inspector.get("/", "HEAD")
            self.assertEqual((status, body), (200, ""))
            self.assertGreater(int(headers["Content-Length"]), 1000)

    def test_forms_are_taken_where_there_are_some(self):
        body, kind = multipart([("like", b""), ("upload", b"")])
        with self.inspect("-uri-prefix", "a.b", "-max-upload-size", "1000") as inspector:
            def post(path="/a.b/search/", data=body, **headers):
                headers = {"Content-Type": kind} | {
                    name.replace("_", "-"): value for name, value in headers.items()}
                return inspector.get(path, "POST", headers, data)[0]

            self.assertEqual(post(), 200)
            self.assertEqual(post("/a.b/api/search/"), 400)
            for path in ("/a.b/", "/a.b/search", "/a.b/search/x/", "/axb/search/", "/search/",
                         "/a.b/record/p/d000003/", "/a.b/api/models/"):
                self.assertEqual(post(path), 405, path)
            for site, code in (("same-origin", 200), ("none", 200), ("same-site", 403),
                               ("cross-site", 403)):
                self.assertEqual(post(Sec_Fetch_Site=site), code, site)
            own = f"http://127.0.0.1:{inspector.address.port}"
            for origin, code in ((own, 200), ("https://evil.example", 403), ("null", 403),
                                 (own + ".evil.example", 403)):
                self.assertEqual(post(Origin=origin), code, origin)
            large, large_kind = multipart([("upload", b"x" * 1000)])
            self.assertEqual(post(data=large, Content_Type=large_kind), 413)
            for wrong in ("application/x-www-form-urlencoded", "text/plain", ""):
                self.assertEqual(post(Content_Type=wrong), 415, wrong)
            self.assertEqual(post(Content_Encoding="gzip"), 415)
            self.assertEqual(post(data=b"no parts"), 400)
            self.assertEqual(inspector.get("/a.b/")[0], 200)

    def test_every_address_is_described(self):
        with self.inspect() as inspector:
            described = json.loads(inspector.get("/api/openapi.json")[2])
            self.assertEqual(described["servers"], [{"url": "/"}])
            names = {"provider": "p", "depiction_id": "d000003"}
            self.query = {"format": "json", "model": "m", "points": "3,7",
                          "map": self.number_of_map(inspector)}
            for path, methods in described["paths"].items():
                for method, operation in methods.items():
                    with self.subTest(path):
                        self.answers_as_described(inspector, described, path.format(**names),
                                                  method.upper(), operation)

    def answers_as_described(self, inspector, described, path, method, operation):
        """Asks with the required parameters and holds the answer against its schema."""
        def resolve(part):
            while "$ref" in part:
                found = described
                for step in part["$ref"].split("/")[1:]:
                    found = found[step]
                part = found
            return part

        def holds(value, schema, where):
            schema = resolve(schema)
            kinds = schema.get("type", [])
            kinds = [kinds] if isinstance(kinds, str) else kinds
            python = {"object": dict, "array": list, "string": str, "integer": int,
                      "number": (int, float), "boolean": bool, "null": type(None)}
            if kinds:
                self.assertIsInstance(value, tuple(python[kind] for kind in kinds), where)
            self.assertIn(value, schema.get("enum", [value]), where)
            if isinstance(value, list):
                for number, element in enumerate(value):
                    holds(element, schema["items"], f"{where}[{number}]")
            if isinstance(value, dict):
                self.assertLessEqual(set(schema.get("required", [])), set(value), where)
                for name, element in value.items():
                    known = schema.get("properties", {}).get(name)
                    known = known or schema.get("additionalProperties")
                    self.assertTrue(known, f"{where}.{name} is not described")
                    holds(element, known, f"{where}.{name}")

        query = {parameter["name"]: self.query[parameter["name"]]
                 for parameter in map(resolve, operation.get("parameters", []))
                 if parameter.get("required") and parameter["in"] == "query"}
        data, headers = None, {}
        if method == "POST":
            like = "p/d000003/m"
            data, kind = multipart([("like", like.encode())])
            headers = {"Content-Type": kind}
        elif "search" in path:
            query["like"] = "p/d000003/m"
        status, headers, body = inspector.get(f"{path}?{urllib.parse.urlencode(query)}", method,
                                              headers, data)
        self.assertEqual(status, 200, body)
        content = resolve(operation["responses"]["200"])["content"][headers["Content-Type"]]
        if "schema" in content:
            holds(json.loads(body), content["schema"], path)

    def number_of_map(self, inspector):
        """Waits for the map of the model m, and reads its number."""
        url = f"{inspector.address.geturl()}api/map/?model=m&after=pca"
        while True:
            with urllib.request.urlopen(url, timeout=PATIENCE) as response:
                if response.status == 200:
                    return f"{struct.unpack_from('<Q', response.read(), 24)[0]:x}"

    def test_other_hosts_are_refused(self):
        with self.inspect("-allowed-host", "Museum.example") as inspector:
            port = inspector.address.port
            for host in ("127.0.0.1", f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST",
                         "[::1]", "museum.example", f"museum.example:{port}"):
                self.assertEqual(inspector.get(headers={"Host": host})[0], 200, host)
            for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "",
                         "localhost.evil", "@localhost"):
                self.assertIn(inspector.get(headers={"Host": host})[0], (400, 421), host)

    def test_json_of_a_page_is_that_of_the_client(self):
        key = ["-database-uri", self.database, "-provider", "p", "-depiction-id", "d000003",
               "-model", "m"]
        found = tool("embeddingsdb-client", "record", *key).json()
        similar = tool("embeddingsdb-client", "similar-by-id", *key, "-max-results", "3").json()
        with self.inspect("-max-results", "3") as inspector:
            _, headers, body = inspector.get("/record/p/d000003/?model=m",
                                             headers={"Accept": "application/json"})
        self.assertEqual(headers["Content-Type"], "application/json")
        page = json.loads(body)
        page.pop("distances", None)  # once they are known
        self.assertEqual(page, {"record": found, "similar": similar})

    def test_distances_have_a_meaning_also_through_a_server(self):
        path = "/record/p/d000003/?model=m"

        def holds(inspector):
            while "distances" not in (page := json.loads(inspector.get(path + "&format=json")[2])):
                pass  # pages do not wait for it
            further = page["distances"].pop("further")
            self.assertEqual(page["distances"], {"metric": "l2", "pairs": 435})
            self.assertEqual(len(further), len(page["similar"]))
            self.assertEqual(further, sorted(further, reverse=True))
            self.assertIn(f"nearer than {further[0]} of the 435 pairs", inspector.get(path)[2])

        with self.inspect() as inspector:
            holds(inspector)
        with Server(self.folder, self.database) as server:
            with Inspector(self.folder, *server.client) as inspector:
                holds(inspector)

    def test_a_server_can_be_between(self):
        folder = self.folder_for("served")
        with Server(folder, database_uri("lmdb", folder)) as server:
            self.assertTool(self.add([record(1), record(2)], *server.client))
            with Inspector(folder, *server.client) as inspector:
                status, _, body = inspector.get("/record/p/d000001/?model=m")
                self.assertEqual(status, 200)
                self.assertIn("d000002", body)
                server.stop()
                status, _, body = inspector.get("/")
                self.assertEqual(status, 503)
                self.assertNotIn(server.address, body)
                self.assertEqual(inspector.get("/api/models/")[2],
                                 "The database or the embedder cannot be reached\n")


class Abuse(InspectorTestCase):
    def inspect(self, *flags, **more):
        """One that is soon tired of waiting."""
        uri = "http://127.0.0.1:0?idle_timeout=1&read_timeout=1"
        return super().inspect(*flags, uri=uri, **more)

    def test_what_is_no_http_is_refused(self):
        with self.inspect() as inspector:
            head = b"GET / HTTP/1.1\r\nConnection: close\r\n"
            for data, codes in (
                (b"\0\1\2\3\r\n\r\n", (400,)),
                (b"GET / HTTP/9.9\r\n\r\n", (400, 505)),
                (head + b"\r\n", (400,)),
                (head + b"Host: localhost\r\nHost: evil\r\n\r\n", (400,)),
                (b"GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,)),
                (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 414)),
                (head + b"Host: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", (400, 431)),
            ):
                with self.subTest(data[:40]):
                    answer = inspector.raw(data)
                    code = int(answer.split(b" ")[1]) if answer else 400
                    self.assertIn(code, codes, answer[:200])
            self.assertEqual(inspector.get()[0], 200)

    def test_forms_of_no_plain_length_are_refused(self):
        body, kind = multipart([("like", b"")])
        head = (b"POST /search/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                + kind.encode() + b"\r\n")
        size = b"Content-Length: %d\r\n" % len(body)
        chunked = b"Transfer-Encoding: chunked\r\n"
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        with self.inspect() as inspector:
            for lines, data, code in (
                (size, body, 200), (b"", body, 411), (chunked, chunks, 411),
                (size + chunked, chunks, 411), (size + size, body, 411),
                (b"Content-Length: -1\r\n", b"", 411), (b"Content-Length: 1x\r\n", b"", 411),
                (b"Content-Length: 99999999999999999999\r\n", b"", 411),
                (b"Content-Length: 999999999999\r\n", b"", 413),
            ):
                with self.subTest(lines):
                    answer = inspector.raw(head + lines + b"\r\n" + data)
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer[:300])
                    self.assertEqual(int(answer.split(b" ")[1]), code, answer[:300])

    def test_a_body_is_not_the_next_request(self):
        inner = b"GET /css/inspector.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500
        with self.inspect() as inspector:
            for framing in (b"Content-Length: %d\r\n" % len(inner),
                            b"Transfer-Encoding: chunked\r\n"):
                for method in (b"GET", b"POST"):
                    answer = inspector.raw(method + b" / HTTP/1.1\r\nHost: localhost\r\n" + framing
                                           + b"\r\n" + inner)
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer[:300])

    def test_slow_callers_do_not_keep_others_waiting(self):
        with self.inspect() as inspector:
            slow = [socket.create_connection((inspector.address.hostname, inspector.address.port))
                    for _ in range(50)]
            for connection in slow:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            self.assertEqual(inspector.get()[0], 200)
            for connection in slow:
                connection.close()

    def test_many_callers_at_once(self):
        with self.inspect() as inspector:
            wrong = []

            def ask():
                for number in range(20):
                    status, _, body = inspector.get(f"/record/p/d0000{number:02}/?model=m")
                    if status != 200 or f"d0000{number:02}" not in body:
                        wrong.append((status, body[:200]))

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            self.assertEqual(wrong, [])


class Setup(InspectorTestCase):
    def test_signals_end_it_cleanly(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            with self.inspect() as inspector:
                self.assertEqual(inspector.get()[0], 200)
                self.assertEqual(inspector.stop(how), 0, inspector.log())

    def test_environment_and_prefix(self):
        client = f"database://?database-uri={urllib.parse.quote(self.database)}"
        env = {"INSPECTOR_CLIENT_URI": client,
               "INSPECTOR_SERVER_URI": "http://127.0.0.1:0", "INSPECTOR_URI_PREFIX": "a/b/",
               "INSPECTOR_MAX_RESULTS": "2"}
        with Inspector(self.folder, uri=None, env=env) as inspector:
            self.assertEqual(inspector.address.path, "/a/b/")
            page = json.loads(inspector.get("/a/b/record/p/d000003/?model=m&format=json")[2])
            self.assertEqual(len(page["similar"]), 2)
        with Inspector(self.folder, "-max-results", "4", uri=None, env=env) as inspector:
            page = json.loads(inspector.get("/a/b/record/p/d000003/?model=m&format=json")[2])
            self.assertEqual(len(page["similar"]), 4)

    def test_wrong_use_is_told(self):
        for flags, code, error in (
            (["-max-results", "0"], 2, "-max-results 0 is not within 1 to 1000"),
            (["-uri-prefix", "a b"], 2, '-uri-prefix "a b"'),
            (["-max-upload-size", "0"], 2, "-max-upload-size 0 is not within 1 to 67108864"),
            (["-enable-search"], 2, "-enable-search needs -embeddings-client-uri"),
            (["-embeddings-client-uri", "x://"], 1, 'unknown embedder scheme "x"'),
            (["-server-uri", "ftp://localhost"], 1, "not http or https"),
            (["-server-uri", "http://localhost:0?x=1"], 1, '"x"'),
            (["-server-uri", "http://localhost:0?read_timeout=0"], 1, "read_timeout"),
            (["-server-uri", "https://localhost:0"], 1, "cert and key"),
            (["-server-uri", "https://localhost:0?cert=none&key=none"], 4, "cannot be used"),
        ):
            with self.subTest(flags):
                result = tool("embeddingsdb-inspector", "-database-uri", self.database, *flags)
                self.assertTool(result, code, error)
        with self.inspect() as inspector:
            taken = f"http://127.0.0.1:{inspector.address.port}"
            self.assertTool(tool("embeddingsdb-inspector", "-database-uri", "memory://",
                                 "-server-uri", taken), 4, "cannot listen on")

    def test_https(self):
        self.self_signed("localhost", "-addext", "subjectAltName=DNS:localhost")
        stem = self.folder / "localhost"
        uri = f"https://localhost:0?cert={stem}.crt&key={stem}.key"
        with self.inspect(uri=uri) as inspector:
            self.assertEqual(inspector.address.scheme, "https")
            context = ssl.create_default_context(cafile=self.folder / "localhost.crt")
            connection = http.client.HTTPSConnection("localhost", inspector.address.port,
                                                     timeout=PATIENCE, context=context)
            connection.request("GET", "/api/models/")
            self.assertEqual(connection.getresponse().read(), b'["m"]\n')
            connection.close()


if __name__ == "__main__":
    main()
