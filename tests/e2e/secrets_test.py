#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Secrets that are given in the documented ways: no argument of any process, nothing that is
printed and no error holds one. The canary gives one on a command line, where it must be found."""

import os
import pathlib
import subprocess
import urllib.error
import urllib.request

from harness import (BIN, PATIENCE, Server, ServerProcess, TestCase, database_uri, json_lines, main,
                     quote, record)

TOKEN = "canary-token-7Q2f"
ACCESS_KEY = "AKIDCANARY"
AWS_SECRET = "canary-aws-secret-9Zk1"
SESSION = "canary-session-4Xw8"
PASSWORD = "canary-password-3Jt6"
WRONG = "canary-wrong-5Lm0"
SECRETS = (TOKEN, AWS_SECRET, SESSION, PASSWORD, WRONG)


def parents():
    """Of every process its parent, by their ids."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before the last bracket may hold anything.
            fields = stat.read_text(errors="replace").rsplit(")")[-1].split()
            found[int(stat.parent.name)] = int(fields[1])
        except OSError:
            pass  # it has ended
    return found


def command_lines(pid):
    """What /proc says of a process and all that it has started, and they."""
    family, tree = {pid}, parents()
    while more := {child for child, parent in tree.items() if parent in family} - family:
        family |= more
    lines = []
    for member in family:
        try:
            path = pathlib.Path(f"/proc/{member}/cmdline")
            lines.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            pass
    return "\n".join(lines)


def shown(text):
    return [secret for secret in SECRETS if secret in text]


class Inspector(ServerProcess):
    LISTENS = r"Listen for requests address=http://(\S+?)/?\n"


class Secrets(TestCase):
    def setUp(self):
        super().setUp()
        self.token = self.file("token", TOKEN + "\n")
        self.keys = self.file("keys", f"[canary]\naws_access_key_id = {ACCESS_KEY}\n"
                                      f"aws_secret_access_key = {AWS_SECRET}\n")
        self.password = self.file("password", PASSWORD + "\n")

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="ascii")
        return path

    def assertHidden(self, text, where):
        self.assertEqual(shown(text), [], where)

    def run_tool(self, name, *args, stdin="", code=0, error="", **env):
        """Looks at the tool while it waits for its input, and at what it said; gives that and its
        command lines."""
        process = subprocess.Popen([BIN / name, *map(str, args)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, **env})
        seen = command_lines(process.pid)
        out, err = process.communicate(stdin, timeout=PATIENCE)
        self.assertEqual(process.returncode, code, err)
        self.assertIn(error, err)
        self.assertHidden(out, "stdout")
        self.assertHidden(err, "stderr")
        return out + err, seen

    def try_hidden(self, *args, **more):
        said, seen = self.run_tool(*args, **more)
        self.assertHidden(seen, "command lines")
        return said

    def assertServerHides(self, server):
        seen = command_lines(server.process.pid)
        self.assertIn(str(BIN), seen, "it is the server that was looked at")
        self.assertHidden(seen, "command lines of the server")
        self.assertHidden(server.log(), "log of the server")

    def get(self, url):
        """What the inspector shows holds none either, be it an error."""
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                page = answer.read()
        except urllib.error.HTTPError as error:
            page = error.read()
        self.assertHidden(page.decode(), url)

    def test_tokens(self):
        flags = ["-token-uri", f"file://{self.token}", "-verbose"]
        with Server(self.folder, "memory://", *flags, parameters="&token-uri={token}") as server:
            from_variable = "constant://?envvar=CANARY"
            ways = [(f"file://{self.token}", TOKEN, 0, ""), (from_variable, TOKEN, 0, ""),
                    (from_variable, WRONG, 6, "UNAUTHENTICATED")]
            for number, (token_uri, value, code, error) in enumerate(ways):
                uri = f"grpc://{server.address}?token-uri={quote(token_uri)}"
                self.try_hidden("embeddingsdb-client", "add", "-verbose", "-client-uri", uri,
                                "-record", "-", stdin=json_lines([record(1)]), code=code,
                                error=error, CANARY=value)
                target = database_uri("sqlite", self.folder_for(f"copy{number}"))
                self.try_hidden("embeddingsdb", "copy", "-verbose", uri, target, code=code,
                                error=error, CANARY=value)
            uri = f"grpc://{server.address}?token-uri={quote(f'file://{self.token}')}"
            command = [BIN / "embeddingsdb-inspector", "-verbose", "-client-uri", uri,
                       "-server-uri", "http://127.0.0.1:0"]
            with Inspector(self.folder, command) as inspector:
                for page in ("/", "/record/p"):
                    self.get(f"http://{inspector.address}{page}")
                self.assertServerHides(inspector)
                inspector.stop()
                self.assertHidden(inspector.log(), "log of the inspector")
            self.assertServerHides(server)
            server.stop()
            self.assertHidden(server.log(), "log of the server")

    def test_keys_of_aws(self):
        parameters = f"&region=us-east-1&keys-uri={quote(f'file://{self.keys}')}"
        with Server(self.folder, "memory://?metric=cosine", "-verbose", parameters=parameters,
                    scheme_host="s3vectors://127.0.0.1:0") as server:
            uri = (f"s3vectors://museum?index=clip&region=us-east-1"
                   f"&endpoint={quote(f'http://{server.address}')}&credentials=")
            environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": AWS_SECRET}
            wrong = {**environment, "AWS_SECRET_ACCESS_KEY": WRONG}
            ways = [("env:", environment, 0, ""), (quote(f"{self.keys}:canary"), {}, 0, ""),
                    ("env:", wrong, 6, "UNAUTHENTICATED"),
                    ("env:", {**environment, "AWS_SESSION_TOKEN": SESSION}, 0, "")]
            for label, env, code, error in ways:
                for arguments in (["embeddingsdb-client", "add", "-verbose", "-database-uri",
                                   uri + label, "-record", "-"],
                                  ["embeddingsdb", "verify", uri + label]):
                    self.try_hidden(*arguments, stdin=json_lines([record(1)]), code=code,
                                    error=error, **env)
            self.assertServerHides(server)
            server.stop()
            self.assertHidden(server.log(), "log of the server")

    def test_passwords_of_postgresql(self):
        for password_uri in (f"file://{self.password}", "constant://?envvar=CANARY"):
            uri = (f"postgres://canary@127.0.0.1:1/archive?sslmode=disable"
                   f"&password-uri={quote(password_uri)}")
            self.try_hidden("embeddingsdb-client", "add", "-verbose", "-database-uri", uri,
                            "-record", "-", code=4, error="UNAVAILABLE", CANARY=PASSWORD)

    def test_canary_a_secret_on_a_command_line_is_found(self):
        with Server(self.folder, "memory://") as server:
            uri = f"grpc://{server.address}?token-uri={TOKEN}"
            _, seen = self.run_tool("embeddingsdb-client", "add", "-client-uri", uri, "-record",
                                    "-", stdin=json_lines([record(1)]))
            self.assertEqual(shown(seen), [TOKEN])


if __name__ == "__main__":
    main()
