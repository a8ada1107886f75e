# SPDX-License-Identifier: BSD-3-Clause
"""The examples of the documentation: found in a page, and tried as its reader would try them."""

import ctypes
import dataclasses
import functools
import http.server
import os
import re
import shlex
import sqlite3
import subprocess
import threading
import urllib.request

from harness import BIN, PATIENCE, PROJECT, FakeEmbedder, Result, ServerProcess, quote

BLOCK = re.compile(
    r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$"
    r"|(?<=\n\n)(?P<indented>(?: {4}[^\n]*\n|\n(?= {4}))+)",
    re.MULTILINE | re.DOTALL,
)
SERVER = re.compile(r"embeddingsdb[ -]server\b")
CLIENT = re.compile(r"\b(embeddingsdb[ -]client|parquet-import|parquet-export)\b")


@dataclasses.dataclass(frozen=True)
class Example:
    """A command, a query, or a whole block in another language."""

    language: str
    text: str

    @property
    def name(self):
        """The words before the first argument; the language where there are no commands."""
        if self.language != "sh":
            return self.language
        words = shlex.split(self.text, comments=True)
        plain = [re.fullmatch(r"[a-z][a-z-]*", word) for word in words] + [None]
        return " ".join(words[: max(plain.index(None), 1)])


def examples_of_page(markdown):
    """The examples in the code blocks of a page, in order."""
    found = []
    for block in BLOCK.finditer(markdown + "\n"):
        text = block["fenced"] or block["indented"]
        language = block["language"] or ("sql" if text.lstrip().startswith("SELECT") else "sh")
        if language == "sh":
            found += examples_of_shell(text)
        elif language == "sql":
            queries = filter(str.strip, text.split(";\n"))
            found += [Example("sql", query.strip()) for query in queries]
        else:
            found.append(Example(language, text))
    fences = re.findall(r"^ *(?:```|~~~)", markdown, re.MULTILINE)
    assert len(fences) == 2 * len(re.findall(r"^```\w*$.*?^```$", markdown, re.M | re.S)), (
        "a fence that is not understood here"
    )
    return found


def examples_of_help(text):
    """The examples at the end of a help text."""
    found = re.search(r"\nExamples:\n(.*?)(\n\n|\Z)", text, re.DOTALL)
    return examples_of_shell(found[1]) if found else []


def examples_of_shell(text):
    """Commands, one a line, or more where the line goes on."""
    found, command = [], ""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        command += line + "\n"
        if command.strip() and not goes_on(command.strip()):
            found.append(Example("sh", command.strip()))
            command = ""
    assert not command.strip(), f"an example without an end: {command}"
    return found


def goes_on(command):
    try:
        shlex.split(command, comments=True)
    except ValueError:  # within quotes, or after a backslash
        return True
    return command.endswith("|")


class Reader:
    """Tries the examples of a page one after the other, in a folder of its own.

    What an example says and what is done instead:
      /srv/..., /etc/...        the same below the folder
      HOST:8081                 the port of that server here; a server takes a free one
      no URI (ports 8081, 8080) the URI of the default with that port
      https://example.org       an HTTP server for the files of the folder
      http://localhost:5000     a fake of all HTTP embedders, which notices wrong requests
      make TARGET               make -n TARGET: what it would do
    """

    def __init__(self, folder, takes_for_granted=""):
        """`takes_for_granted` is the database of servers that the page uses but does not start."""
        self.folder = folder
        self.takes_for_granted = takes_for_granted
        self.servers = {}
        self.embedder = None
        self.web = None
        for name in ("srv", "etc"):
            (folder / name).mkdir(exist_ok=True)
        self.environment = {
            **os.environ,
            "PATH": f"{BIN.resolve()}:{os.environ['PATH']}",
            "no_proxy": "*",
            "LSAN_OPTIONS": os.environ.get("LSAN_OPTIONS", "") + ":print_suppressions=0",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.__exit__()
        if self.embedder:
            self.embedder.__exit__()
        if self.web:
            self.web.shutdown()
            self.web.server_close()

    def shell(self, *commands):
        """Runs commands in one shell to its end. Returns what they print and log."""
        script = "\n".join(map(self.meant, commands))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE,
        )
        assert done.returncode == 0, Result(done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def serve(self, command, host="localhost"):
        """Starts a server in the place of the one before it. Returns its log."""
        self.stop(host)
        command = self.meant(command, port="0")
        if "-server-uri" not in command:
            command += " -server-uri 'grpc://localhost:0?database-uri={database}&token-uri={token}'"
        self.servers[host] = ServerProcess(
            self.folder, ["bash", "-c", f"exec {command}"],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
        )
        return self.servers[host].log()

    def look(self, command):
        """Starts an inspector and ends it. Returns its log and its first page."""
        command, named = re.subn(r"http://localhost:\d+", "http://localhost:0", self.meant(command))
        if not named:
            command += " -server-uri http://localhost:0"
        with subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=self.folder, text=True,
                              env=self.environment, stderr=subprocess.PIPE) as process:
            try:
                line = process.stderr.readline()
                address = re.search(r"Listen for requests address=(\S+)", line)
                assert address, line + process.stderr.read()
                with urllib.request.urlopen(address[1], timeout=PATIENCE) as page:
                    shown = page.read().decode()
            finally:
                process.terminate()
        assert process.returncode == 0, process.returncode
        return line + shown

    def stop(self, host="localhost"):
        server = self.servers.pop(host, None)
        if server:
            code = server.stop()
            assert code == 0, f"the server ended with {code}:\n{server.log()}"

    def meant(self, command, port=None):
        """The command with the substitutions above."""
        command = re.sub(r"/(?=(srv|etc)/)", f"{self.folder}/", command)
        command = re.sub(r"^make ", f"make -n -C {shlex.quote(str(PROJECT))} ", command)
        if "https://example.org" in command:
            command = command.replace("https://example.org", self.files())
        if "http://localhost:5000" in command:
            self.embedder = self.embedder or FakeEmbedder(self.folder)
            command = command.replace("http://localhost:5000", self.embedder.address)
        no_uri = not re.search(r"-(client|database)-uri", command)
        if not port and no_uri and CLIENT.search(command):
            command += " -client-uri grpc://localhost:8081"
        return re.sub(
            r"//([a-z0-9.]+):8081",
            lambda found: f"//{found[1]}:{port}" if port else f"//{self.address(found[1])}",
            command,
        )

    def address(self, host):
        """Where the server is that a page calls HOST:8081."""
        if host not in self.servers and self.takes_for_granted:
            database = shlex.quote(f"{self.takes_for_granted}-{host}")
            self.serve(f"embeddingsdb server -database-uri {database}", host)
        assert host in self.servers, f"nobody has started a server at {host}:8081"
        return "localhost:" + self.servers[host].address.rpartition(":")[2]

    def files(self):
        """The URL of the folder."""
        if not self.web:
            handler = functools.partial(QuietHandler, directory=self.folder)
            self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            threading.Thread(target=self.web.serve_forever).start()
        return f"http://127.0.0.1:{self.web.server_port}"

    def query(self, sql, engine, file):
        """Asks a database file in SQL, as its engine's own shell would; the rows as text."""
        if engine == "sqlite":
            connection = sqlite3.connect(f"file:{quote(self.folder / file)}?mode=ro", uri=True)
            rows = connection.execute(sql).fetchall()
            connection.close()
        else:
            rows = duckdb_rows(sql, self.folder / file if file else None, self.folder)
        return "".join("|".join(map(str, row)) + "\n" for row in rows)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def duckdb_rows(sql, file, folder):
    """What DuckDB's own library answers."""
    duckdb = ctypes.CDLL(str(PROJECT / "third_party/lib/libduckdb.so"))
    duckdb.duckdb_result_error.restype = ctypes.c_char_p
    duckdb.duckdb_value_varchar.restype = ctypes.c_void_p
    for count in (duckdb.duckdb_column_count, duckdb.duckdb_row_count):
        count.restype = ctypes.c_uint64
    database, connection = ctypes.c_void_p(), ctypes.c_void_p()
    result = (ctypes.c_uint64 * 6)()

    def run(statement):
        failed = duckdb.duckdb_query(connection, statement.encode(), ctypes.byref(result))
        assert not failed, duckdb.duckdb_result_error(ctypes.byref(result)).decode()

    def text(column, row):
        place = (ctypes.c_uint64(column), ctypes.c_uint64(row))
        value = ctypes.c_void_p(duckdb.duckdb_value_varchar(ctypes.byref(result), *place))
        out = ctypes.string_at(value).decode()
        duckdb.duckdb_free(value)
        return out

    path = str(file).encode() if file else None
    assert not duckdb.duckdb_open(path, ctypes.byref(database)), f"{file} does not open"
    try:
        assert not duckdb.duckdb_connect(database, ctypes.byref(connection))
        run(f"SET file_search_path = '{folder}'")
        run(sql)
        columns = range(duckdb.duckdb_column_count(ctypes.byref(result)))
        rows = range(duckdb.duckdb_row_count(ctypes.byref(result)))
        return [[text(column, row) for column in columns] for row in rows]
    finally:
        duckdb.duckdb_destroy_result(ctypes.byref(result))
        duckdb.duckdb_disconnect(ctypes.byref(connection))
        duckdb.duckdb_close(ctypes.byref(database))


@dataclasses.dataclass(frozen=True)
class Trial:
    """How an example is tried. `shows` is a regular expression for what it prints or logs, and for
    what the commands `then` print after it in the same shell."""

    name: str
    shows: str = ""
    then: str = ""
    engine: str = ""
    file: str = ""
    not_run: str = ""


def runs(name, shows, then=""):
    return Trial(name, shows, then)


def answers(engine, file, shows):
    """A query to a database file."""
    return Trial("sql", shows, engine=engine, file=file)


def is_not_run(name, reason):
    """An example that is not run. Of `make TARGET` it is still looked at what it would do."""
    return Trial(name, not_run=reason)


def try_page(page, examples, trials, reader):
    """Tries all examples of a page. AssertionError names the page, the example and what is wrong;
    also when there are examples without a trial, or trials without their example."""
    names, listed = [one.name for one in examples], [trial.name for trial in trials]
    assert names == listed, f"{page} has the examples\n  {names}\nand the test has\n  {listed}"
    for example, trial in zip(examples, trials):
        assert bool(trial.shows) != bool(trial.not_run), f"{trial} expects nothing"
        try:
            shown = try_example(example, trial, reader)
        except (AssertionError, sqlite3.Error) as error:
            raise AssertionError(f"{page}: {example.text}\n{error}") from error
        assert re.search(trial.shows, shown, re.MULTILINE), (
            f"{page}: {example.text}\nshows no {trial.shows!r}:\n{shown[-3000:]}"
        )
    reader.stop()


def try_example(example, trial, reader):
    """Returns what it printed."""
    then = [trial.then] if trial.then else []
    if example.language == "sql":
        return reader.query(example.text, trial.engine, trial.file)
    if trial.not_run and not example.name.startswith("make "):
        return ""
    if example.name == "embeddingsdb-inspector":
        return reader.look(example.text)
    if SERVER.match(example.text):
        return reader.serve(example.text) + reader.shell(*then)
    return reader.shell(example.text, *then)
