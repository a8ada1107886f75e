#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every example of the documentation and of the help texts is run, or listed with the reason why
not. examples.py says what stands for the files, ports and hosts that the examples name."""

import re
import shutil

from examples import (
    Reader, answers, examples_of_help, examples_of_page, is_not_run, runs, try_page,
)
from harness import PROJECT, TestCase, json_lines, main, record, tool

COLLECTION = PROJECT / "demo/openclipart.parquet"

INSTALLS = "installs and builds; e2e_demo_sqlite and e2e_demo_duckdb run scripts/demo itself"
TESTS = "this is one of the tests it runs"
DOCUMENT = "oembeddings_test validates it, and compares what is said of it"
CUT = "cut from files that are compiled, see CodeOfPages"
LISTENS = "Server listening address="
IMPORTED = "Imported all records count=1465"

PAGES = {
    "README.md": [
        is_not_run("make demo", INSTALLS),
        is_not_run("make serve", INSTALLS),
        is_not_run("make test", TESTS),
        runs("embeddingsdb server", LISTENS),
        runs("parquet-import", IMPORTED),
        runs("embeddingsdb client models", r'^\["mobilenet_v2_1.0_224"\]$'),
        runs("embeddingsdb client similar-by-id", r"^0\.\d{4} +\S.* openclipart-\w+ +animals/"),
        runs("embeddingsdb client facets", r"^\d+ +openclipart-animals$"),
        runs("parquet-export", "^1465$", then="parquet-emit copy.parquet | wc -l"),
        runs("embeddingsdb-inspector", "1,465 records, page 1 of 62"),
    ],
    "CONTRIBUTING.md": [
        is_not_run("make test", TESTS),
        is_not_run("make fuzz", "builds with clang; tests/fuzz has tests of each fuzzer"),
        is_not_run("make check", "clang-tidy on everything takes too long here"),
        is_not_run("make demo", INSTALLS),
    ],
    "ARCHITECTURE.md": [is_not_run("text", "a drawing")],
    "docs/adding-an-engine.md": [is_not_run("cpp", CUT)] * 8,
    "docs/embedders.md": [
        runs("embeddingsdb-client add", "INFO Added record example-1-fake/clip"),
        runs("echo", "INFO Added record example-2-fake/clip"),
        runs("embeddingsdb-client similar", r'^\[\{"provider":"example","depiction_id":"2"'),
        runs("embeddingsdb-client similar", r'^\[\{"provider":"example","depiction_id":"1"'),
    ],
    "docs/engines.md": [
        is_not_run("embeddingsdb verify", "sqlite_go_file_test makes and converts such files"),
        is_not_run("text", "made by an administrator; postgres_vector_test adds the extension"),
        answers("duckdb", "collection.duckdb", r"\A(openclipart-[a-z]+\|\d+\n){14}\Z"),
        answers("duckdb", "collection.duckdb", r"^food/fruit/lemon_half_ganson\|lemon half"),
    ],
    "docs/formats.md": [
        answers("duckdb", None, r"^openclipart-animals\|animals/\S+\|1280$"),
        is_not_run("json", "cut short; signatures_test and signing_test make and read manifests"),
        answers("sqlite", "collection.db", r"^mobilenet_v2_1.0_224\|openclipart-animals\|\d+$"),
        answers("sqlite", "collection.db", r"^animals/2_dead_frogs\S*\|2 dead frogs"),
        answers("duckdb", "collection.duckdb", r"^mobilenet_v2_1.0_224\|1280\|1465$"),
        answers("duckdb", "collection.duckdb", r"\A(\S+\|0\.\d+\n){5}\Z"),
    ],
    "docs/inspector.md": [
        runs("embeddingsdb-inspector", "1,465 records, page 1 of 62"),
        runs("embeddingsdb-inspector", "There is nothing to show here"),
    ],
    "docs/oembeddings.md": [
        is_not_run("json", DOCUMENT),
        runs("embeddingsdb oembeddings schema", '"title": "OEmbeddings"',
             then="cat oembeddings.schema.json"),
        runs("embeddingsdb oembeddings validate", r"^documents +1465\nvalid +1465$"),
        runs("embeddingsdb oembeddings validate", r"^documents +1465\nvalid +1465$"),
        runs("embeddingsdb oembeddings validate", r'^\{"documents":1465,"valid":1465,'),
        is_not_run("json", DOCUMENT),
        is_not_run("text", DOCUMENT),
        is_not_run("js", "wasm_contract runs it, and compares what it prints"),
        is_not_run("text", "wasm_contract"),
    ],
    "docs/parquet.md": [
        runs("parquet-export", "^1465$", then="parquet-emit out.parquet | wc -l"),
        runs("parquet-validate", "^out.parquet: valid, 1465 rows read$"),
        runs("parquet-metadata", r"^embeddings\.list\.element +FLOAT "),
        is_not_run("json", "what a file may say; parquet_document_test has the format"),
        runs("parquet-gather-stats", r'^\{"models":\["mobilenet_v2_1.0_224"\],"providers":\['),
        runs("parquet-append-stats", "CC0-1.0",
             then="parquet-metadata -key-value collection.parquet"),
        answers("duckdb", None, r"^openclipart-animals\|mobilenet_v2_1.0_224\|\d+$"),
        answers("duckdb", None, r'^\{"'),
    ],
    "docs/picture-model.md": [
        runs("embeddingsdb-client similar",
             r"^0\.0\d{3} +\S.* openclipart-transportation +transportation/roadsigns/stop$"),
        runs("embeddingsdb-inspector", "1,465 records, page 1 of 62"),
    ],
    "docs/s3-server.md": [
        runs("embeddingsdb server", LISTENS),
        is_not_run("js", "tests/s3 does that and all else with the SDK"),
    ],
    "docs/signing.md": [
        runs("openssl req", "BEGIN CERTIFICATE", then="cat me.crt"),
        runs("parquet-sign", "Completed count=1465 root="),
        runs("parquet-verify", "count=1465 valid=1465 changed=0"),
        runs("parquet-sign", "signed=1465 verified=1465"),
        runs("parquet-verify", "count=1465 valid=1465 invalid=0"),
    ],
    "docs/operating.md": [
        runs("parquet-import", "Imported all records count=2 added=2", then="! ls *.state"),
        runs("embeddingsdb-server", LISTENS),
        runs("embeddingsdb-client count", "^1465$"),
        runs("embeddingsdb stats", r"^mobilenet_v2_1.0_224 +1280 +1465 +\d+ +l2 +exact"),
        runs("embeddingsdb verify", r'^\{"records":1465,"problems":\[\]\}$'),
        runs("embeddingsdb reindex", "1465 rows, which need no index"),
        runs("embeddingsdb compact", "MiB before, .* MiB after"),
        runs("embeddingsdb copy", "Verified all records identical=1465 different=0 hash="),
    ],
}

KEY = "example/1527845303"
PNG = b"\x89PNG\r\n\x1a\n and more"  # as far as anybody here looks
SHOWN = {
    "type": "text",
    "preview": "Red fishes",
    "subject_url": "https://example.org/objects/1762905433",
    "subject_title": "Red Fishes",
    "subject_creditline": "Example Museum",
    "provider_name": "Example Museum",
    "provider_url": "https://example.org/",
}
HELP = {
    "": [
        runs("embeddingsdb server", LISTENS),
        runs("embeddingsdb parquet-import", IMPORTED),
        runs("embeddingsdb client models", '"mobilenet_v2_1.0_224"'),
    ],
    "server": [
        runs("embeddingsdb-server", LISTENS,
             then="embeddingsdb-client count -client-uri grpc://localhost:8081 | grep -x 3"),
        runs("embeddingsdb-server", LISTENS,
             then="embeddingsdb-client count -client-uri grpc://localhost:8081 | grep -x 0"),
        is_not_run("embeddingsdb-server", "asks AWS; other tests have a server of ours"),
        runs("embeddingsdb-server", LISTENS + "0.0.0.0:",
             then="embeddingsdb-client count -client-uri 'grpc://localhost:8081?tls-certificate="
             "server.crt&token-uri=file:///etc/embeddingsdb/token' | grep -x 3"),
        runs("embeddingsdb-server", LISTENS),
    ],
    "inspector": [
        runs("embeddingsdb-inspector", "3 records"),
        runs("embeddingsdb-inspector", "3 records"),
    ],
    "client": [
        runs("embeddingsdb client models", r'^\["apple/mobileclip_s0","m"\]$'),
        runs("embeddingsdb client list", '^{"provider":"example","depiction_id":"1527845303"'),
    ],
    "client add": [
        runs("embeddingsdb-client add", "INFO Added record new-1-m"),
        runs("embeddingsdb-client list", "INFO Added records count=3"),
        runs("embeddingsdb-client add", "INFO Added record example-9-fake/clip"),
        runs("echo", "INFO Added record example-10-fake/clip"),
    ],
    "client count": [runs("embeddingsdb-client count", "^3$"),
                     runs("embeddingsdb-client count", "^1$")],
    "client dimensions": [runs("embeddingsdb-client dimensions", r"^\[3\]$")],
    "client facets": [
        runs("embeddingsdb-client facets", r'"value":"apple/mobileclip_s0","count":2'),
        runs("embeddingsdb-client facets", "^1 +Example Museum$"),
        runs("embeddingsdb-client facets",
             r'^\{"facets":\[\{"value":"example","count":1\}\],"distinct":1,"records":1\}$'),
    ],
    "client list": [
        runs("embeddingsdb-client list", r'\A(\{"provider":".*\}\n){3}\Z'),
        runs("embeddingsdb-client list", r'\A(\{"provider":"example".*\}\n){2}\Z'),
        runs("embeddingsdb-client list", r'\A(\{"provider":"example".*Red Fishes.*\}\n){1}\Z'),
    ],
    "client models": [
        runs("embeddingsdb-client models", r'^\["apple/mobileclip_s0","m"\]$'),
        runs("embeddingsdb-client models", r'^\["apple/mobileclip_s0","m"\]$'),
    ],
    "client providers": [
        runs("embeddingsdb-client providers", r'^\["example","other"\]$'),
        runs("embeddingsdb-client providers", r'^\["example","other"\]$'),
    ],
    "client record": [runs("embeddingsdb-client record", r'"depiction_id":"1527845303"')],
    "client remove": [
        runs("embeddingsdb-client remove", "^2$",
             then="embeddingsdb-client count -client-uri grpc://localhost:8081"),
    ],
    "client similar": [
        runs("embeddingsdb-client similar", '"depiction_id":"1527845303".*"depiction_id":"7"'),
        runs("echo", '"depiction_id":"8"'),
        runs("embeddingsdb-client similar", '"depiction_id":"8"'),
        runs("embeddingsdb-client similar", '"depiction_id":"8"'),
    ],
    "client similar-by-id": [
        runs("embeddingsdb-client similar-by-id", r'^\[\{"provider":"other","depiction_id":"7"'),
        runs("embeddingsdb-client similar-by-id", r"^0\.\d{4} .* other +7$"),
        runs("embeddingsdb-client similar-by-id", r'^\[\{"provider":"other","depiction_id":"7"'),
    ],
    "parquet-import": [
        runs("parquet-import", IMPORTED),
        runs("parquet-import", "Imported all records count=2 added=0 replaced=2",
             then="! ls *.state"),
        runs("parquet-import", "count=1465 added=0 replaced=0 skipped=1465"),
    ],
    "parquet-export": [
        runs("parquet-export", "^3$", then="parquet-emit collection.parquet | wc -l"),
        runs("parquet-export", "^2$", then="parquet-emit example.parquet | grep -c example"),
    ],
    "parquet-merge": [
        runs("parquet-merge", "Merged records count=2 duplicates=0"),
        runs("parquet-merge", "Merged records count=3 duplicates=1"),
    ],
    "parquet-emit": [
        runs("parquet-emit", r'\A(\{"provider":"openclipart-.*\}\n){1465}\Z'),
        runs("parquet-emit", "^(?!e3b0c442)[0-9a-f]{64}  -$"),  # that would be the sum of nothing
    ],
    "oembeddings": [
        runs("embeddingsdb oembeddings validate", r"^valid +1465$"),
        runs("embeddingsdb oembeddings schema", '"title": "OEmbeddings"'),
    ],
    "oembeddings validate": [
        runs("embeddingsdb oembeddings validate", r"^valid +1465$"),
        runs("embeddingsdb oembeddings validate", r"^valid +1$"),
        runs("embeddingsdb oembeddings validate", r'^\{"documents":2,"valid":2,"invalid":0,'),
        runs("embeddingsdb oembeddings validate", r"^valid +1$"),
    ],
    "oembeddings schema": [
        runs("embeddingsdb oembeddings schema", '"title": "OEmbeddings"',
             then="cat oembeddings.json"),
    ],
    "parquet-metadata": [
        runs("parquet-metadata", r"^embeddings\.list\.element +FLOAT "),
        runs("parquet-metadata", r"^\{.*\}$"),
        runs("parquet-metadata", r'^\{"Version":\d,"Schema":\['),
    ],
    "parquet-validate": [
        runs("parquet-validate", "^collection.parquet: valid, 1465 rows read$"),
        runs("parquet-validate", r'^\{"file":"a.parquet","valid":true,"rows":1,.*\n'
             r'\{"file":"b.parquet","valid":true,"rows":1,'),
    ],
    "parquet-gather-stats": [
        runs("parquet-gather-stats", r'^\{"models":\["mobilenet_v2_1.0_224"\],'),
        runs("parquet-gather-stats", r'^\{"models":\["apple/mobileclip_s0","m"\],'),
    ],
    "parquet-append-stats": [
        runs("parquet-append-stats", "INFO Appended statistics count=1465"),
        runs("parquet-append-stats", "CC0-1.0", then="parquet-metadata -key-value new.parquet"),
    ],
    "parquet-sign": [
        runs("parquet-sign", "signed=1465 verified=1465"),
        runs("parquet-sign", "Completed count=1465 root="),
    ],
    "parquet-verify": [
        runs("parquet-verify", "count=1465 valid=1465 invalid=0"),
        runs("parquet-verify", "count=1465 valid=1465 changed=0"),
    ],
    "export": [runs("embeddingsdb export", "embeddings.csv", then="ls /srv/collection-export")],
    "verify": [runs("embeddingsdb verify", r'^\{"records":3,"problems":\[\]\}$')],
    "stats": [
        runs("embeddingsdb stats", "^apple/mobileclip_s0 +3 +2 +2 +l2 +exact"),
        runs("embeddingsdb stats", '"records":3,'),
    ],
    "reindex": [
        runs("embeddingsdb reindex", '^model "m": 1 rows, which need no index$'),
        runs("embeddingsdb reindex", r'^model "apple/mobileclip_s0": 2 rows indexed in \d'),
    ],
    "compact": [runs("embeddingsdb compact", r"KiB before, .* KiB after")],
    "copy": [
        runs("embeddingsdb copy", "Verified all records identical=3 different=0 hash="),
        runs("embeddingsdb copy", "Verified all records identical=2 different=0 hash="),
    ],
    "completion": [runs("source", "-F _embeddingsdb", then="complete -p embeddingsdb")],
    "version": [],
}


def pages_of_docs():
    """The texts of the pages that tell how to use it, by name."""
    return {
        str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8")
        for folder in (".", "docs", "demo")
        for path in (PROJECT / folder).glob("*.md")
    }


GROUPS = ("client", "oembeddings")  # commands that have commands


def unknown_names(markdown, commands, flags):
    """What is set as a command or flag of ours in running text, but does not exist."""
    unknown = []
    for span in re.findall(r"`([^`\n]+)`", markdown):
        command = re.match(r"(?:embeddingsdb[ -]|(?=parquet-|client ))([a-z-]+(?: [a-z-]+)*)", span)
        words = command[1].split() if command else []
        if words and words[0] not in commands:
            unknown.append(span)
        elif words[1:] and words[0] in GROUPS and " ".join(words[:2]) not in commands:
            unknown.append(span)
        elif command or span.startswith("-"):
            named = re.findall(r"(?:^| )-([a-z][a-z-]*)", span)
            unknown += [span for name in named if name not in flags]
    return unknown


def strange_code(page, markdown):
    """The blocks of C++ that are not in the file that was linked last before them."""
    strange, file = [], None
    link_or_code = r"\]\(([^)\n]+\.(?:cc|h))\)|^```cpp\n(.*?)^```$"
    for link, code in re.findall(link_or_code, markdown, re.MULTILINE | re.DOTALL):
        file = (PROJECT / page).parent / link if link else file
        if code and (file is None or code not in file.read_text(encoding="utf-8")):
            strange.append(code)
    return strange


def add(database, *records):
    done = tool("embeddingsdb-client", "add", "-database-uri", database, "-record", "-",
                stdin=json_lines(records))
    assert done.code == 0, done


def parquet(path, *records):
    scratch = f"sqlite://{path}.db"
    add(scratch, *records)
    done = tool("parquet-export", "-database-uri", scratch, "-output", path)
    assert done.code == 0, done


class Pages(TestCase):
    def setUp(self):
        super().setUp()
        self.reader = Reader(self.folder)
        self.addCleanup(self.reader.__exit__)
        # What the pages talk about: a collection as a Parquet file and in databases, and a token.
        for name in ("collection.parquet", "records.parquet"):
            shutil.copy(COLLECTION, self.folder / name)
        (self.folder / "etc/token").write_text("s3cret\n", encoding="ascii")
        (self.folder / "fish.png").write_bytes(PNG)

    def import_collection(self, *uris):
        for uri in uris:
            self.assertTool(tool("parquet-import", "-database-uri", uri, COLLECTION))

    def try_page(self, page):
        try_page(page, examples_of_page(pages_of_docs()[page]), PAGES[page], self.reader)

    def test_readme(self):
        self.try_page("README.md")

    def test_operating(self):
        self.import_collection(f"sqlite://{self.folder}/srv/collection.db",
                               f"sqlite://{self.folder}/srv/archive.db")
        parquet(self.folder / "a.parquet", record(1))
        parquet(self.folder / "b.parquet", record(2))
        self.try_page("docs/operating.md")

    def test_oembeddings(self):
        self.import_collection(f"sqlite://{self.folder}/srv/collection.db")
        self.try_page("docs/oembeddings.md")

    def test_inspector(self):
        self.import_collection(f"sqlite://{self.folder}/collection.db")
        self.reader.takes_for_granted = "sqlite://served.db"
        self.try_page("docs/inspector.md")

    def test_picture_model(self):
        self.import_collection(f"sqlite://{self.folder}/collection.db")
        shutil.copy(PROJECT / "tests/pictures/transportation/roadsigns/stop.png", self.folder)
        self.try_page("docs/picture-model.md")

    def test_formats_and_engines(self):
        self.import_collection(f"sqlite://{self.folder}/collection.db",
                               f"duckdb://{self.folder}/collection.duckdb")
        self.try_page("docs/formats.md")
        self.try_page("docs/parquet.md")
        self.try_page("docs/engines.md")

    def test_all_other_pages(self):
        pages = pages_of_docs()
        self.assertLessEqual(set(PAGES), set(pages))
        elsewhere = {"README.md", "docs/operating.md", "docs/oembeddings.md", "docs/formats.md",
                     "docs/parquet.md", "docs/inspector.md", "docs/engines.md",
                     "docs/picture-model.md"}
        for page in set(pages) - elsewhere:
            with self.subTest(page):
                try_page(page, examples_of_page(pages[page]), PAGES.get(page, []), self.reader)


class CodeOfPages(TestCase):
    PAGE = "docs/adding-an-engine.md"

    def test_is_what_is_compiled(self):
        for page, markdown in pages_of_docs().items():
            self.assertEqual(strange_code(page, markdown), [], page)

    def test_a_changed_line_is_found(self):
        markdown = pages_of_docs()[self.PAGE]
        for right, wrong in (("::fdatasync(handle_)", "::fsync(handle_)"), ("std::span<", "span<"),
                             ("_entry.cc)", "_entry.h)"), ('.name = "journal"', '.name = "j"')):
            self.assertIn(right, markdown)
            self.assertEqual(len(strange_code(self.PAGE, markdown.replace(right, wrong))), 1, wrong)


class HelpTexts(TestCase):
    def furnish(self):
        """Makes what the examples of the help texts take for granted."""
        clip = {"model": "apple/mobileclip_s0", "dimension": 3}
        one = record(1, provider="example", depiction_id="1527845303", **clip)
        one["attributes"] = {"subject_title": "Red Fishes", "subject_creditline": "Example Museum"}
        near = record(1, provider="other", depiction_id="7", **clip)
        near["attributes"] = {"subject_title": "Maps of the City"}
        near["embeddings"] = [x + 0.1 for x in one["embeddings"]]
        other = record(2, provider="example", depiction_id="8", dimension=3)
        other["embeddings"] = [0.1, 0.2, 0.4]
        new = record(3, provider="new", depiction_id="1", dimension=3)
        for uri in ("sqlite://collection.db", "sqlite://served.db-localhost",
                    "sqlite://served.db-a", "duckdb://srv/collection"):
            scheme, path = uri.split("://")
            add(f"{scheme}://{self.folder}/{path}", one, near, other)
        (self.folder / "record.json").write_text(json_lines([new]), encoding="utf-8")
        shown = record(4, provider="shown", depiction_id="1", dimension=3)
        shown["attributes"] = SHOWN
        add(f"sqlite://{self.folder}/srv/shared.db", shown)
        (self.folder / "oembeddings.json").write_text(json_lines([SHOWN]), encoding="ascii")
        (self.folder / "oembeddings.jsonl").write_text(json_lines([SHOWN, SHOWN]), encoding="ascii")
        (self.folder / "fish.png").write_bytes(PNG)
        (self.folder / "vector.json").write_text(str(one["embeddings"]), encoding="ascii")
        for name in ("collection.parquet", "embeddings.parquet"):
            shutil.copy(COLLECTION, self.folder / name)
        parquet(self.folder / "b.parquet", other)
        parquet(self.folder / "new.parquet", {**other, "created": other["created"] + 1}, new)
        parquet(self.folder / "a.parquet", one)
        self.token_and_certificate()
        self.self_signed("me")
        signer = f"x509://?certificate-uri={self.folder}/me.crt&key-uri={self.folder}/me.key"
        for flags in (["-verify=false"], ["-manifest"]):
            self.assertTool(tool("parquet-sign", "-signer-uri", signer, "-target-bucket-uri",
                                 self.folder, *flags, self.folder / "collection.parquet"))

    def token_and_certificate(self):
        (self.folder / "etc/embeddingsdb").mkdir(parents=True)
        (self.folder / "etc/embeddingsdb/token").write_text("s3cret\n", encoding="ascii")
        self.self_signed("server", "-addext", "subjectAltName=DNS:localhost")

    def commands(self, page=""):
        """The help pages of a command and of all commands below it."""
        text = self.assertTool(tool("embeddingsdb", "help", *page.split())).out
        yield page, text
        found = re.search(r"\nCommands:\n(.*?)\n\n", text, re.DOTALL)
        for command in re.findall(r"^  (\S+)", found[1], re.MULTILINE) if found else []:
            if command != "help":  # which has the page of the whole
                yield from self.commands(f"{page} {command}".strip())

    def test_commands_and_flags_in_the_text_exist(self):
        helps = dict(self.commands())
        commands = {*helps, "help"}
        flags = {"h", *re.findall(r"^  -([a-z-]+)", "\n".join(helps.values()), re.MULTILINE)}
        for page, markdown in pages_of_docs().items():
            markdown = markdown.replace("`-name value`", "").replace("`-name=value`", "")
            self.assertEqual(unknown_names(markdown, commands, flags), [], page)
        wrong = "`embeddingsdb srv` `parquet-imprt` `-databse-uri` `client lst` `parquet-emit -x`"
        wrong += " `embeddingsdb oembeddings valdate`"
        self.assertEqual(len(unknown_names(wrong, commands, flags)), 6)

    def test_all_of_them(self):
        pages = dict(self.commands())
        self.assertEqual(sorted(pages), sorted(HELP))
        (self.folder / "srv").mkdir()
        self.furnish()
        for page, text in pages.items():
            with self.subTest(page):
                folder = self.folder_for(page.replace(" ", "-"))
                self.try_help(page, text, folder)

    def try_help(self, page, text, folder):
        for path in self.folder.iterdir():
            if path.is_dir() and path.suffix != ".d":
                shutil.copytree(path, folder / path.name)
            elif path.is_file():
                shutil.copy(path, folder)
        served = "" if page in ("", "server") else "sqlite://served.db"
        with Reader(folder, served) as reader:
            if page == "parquet-emit":
                shutil.copy(COLLECTION, folder / "a.parquet")
            try_page(f"help {page}", examples_of_help(text), HELP[page], reader)


class Canary(TestCase):
    """A wrong page does not pass."""

    def setUp(self):
        super().setUp()
        shutil.copy(COLLECTION, self.folder / "collection.parquet")
        self.readme = (PROJECT / "README.md").read_text(encoding="utf-8")

    def assert_fails(self, error, markdown, trials):
        with Reader(self.folder) as reader:
            with self.assertRaisesRegex(AssertionError, error):
                try_page("page", examples_of_page(markdown), trials, reader)

    def test_wrong_flag(self):
        for flag, wrong in (("-depiction-id", "-depicton-id"), ("-output", "-outptu")):
            self.assertIn(flag, self.readme)
            self.assert_fails(f"flag provided but not defined: {wrong}",
                              self.readme.replace(flag, wrong), PAGES["README.md"])

    def test_wrong_flag_of_a_server(self):
        self.assert_fails("not defined: -databse-uri", "\n\n    embeddingsdb-server -databse-uri x",
                          [runs("embeddingsdb-server", LISTENS)])

    def test_unknown_command(self):
        for command in ("embeddingsdb frobnicate", "parquet-frobnicate"):
            self.assert_fails("exit code", f"```\n{command}\n```\n", [runs(command, ".")])

    def test_wrong_query(self):
        self.assert_fails("Table with name record does not", "```\nSELECT * FROM record;\n```\n",
                          [answers("duckdb", None, ".")])

    def test_wrong_result(self):
        self.assert_fails("shows no 'nothing like it'", "\n\n    embeddingsdb version\n",
                          [runs("embeddingsdb version", "nothing like it")])
        self.assert_fails("expects nothing", "\n\n    embeddingsdb version\n",
                          [runs("embeddingsdb version", "")])

    def test_example_that_is_not_listed(self):
        added = self.readme + "\n\n    embeddingsdb version\n"
        self.assert_fails("embeddingsdb version", added, PAGES["README.md"])
        self.assert_fails("a fence that is not understood", "- list\n  ```\n  make\n  ```\n", [])

    def test_example_that_is_no_more(self):
        self.assert_fails("parquet-export", self.readme,
                          [*PAGES["README.md"], runs("parquet-export", ".")])


if __name__ == "__main__":
    main()
