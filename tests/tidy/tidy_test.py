#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rules a compiler does not know: widths, words, layers, sizes.

  tidy_test.py              check the project; prints one line per violation
  tidy_test.py --self-test  plant one violation of each rule and demand that it is found

A line that has to break a rule says so with NOLINT(rule).
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE_DIRS = ("include/", "src/", "tools/", "tests/", "bench/", "web/")
CODE_SUFFIXES = (
    ".h", ".cc", ".proto", ".py", ".cmake", "CMakeLists.txt", ".js", ".mjs", ".css", ".html",
)
NOT_OURS = {".git", "build", "node_modules", "third_party", "third_party.new", "__pycache__"}
SPDX = "SPDX-License-Identifier: BSD-3-Clause"
MAX_COLUMNS = 100
MAX_LINES = 800
MAX_BLOB_BYTES = 100 * 1000

# Which folders of src/ the files of a folder may include; a folder that is not listed (the tools,
# the command line, the tests) may include all.
LAYERS = {
    "include": set(),
    "src/core": {"core"},
    "src/index": {"core", "index"},
    "src/duckdb_c": {"core", "duckdb_c"},
    "src/aws": {"aws", "core"},
    "src/engines": {"aws", "core", "index", "duckdb_c", "engines"},
    "src/parquet": {"core", "duckdb_c", "parquet"},
    "src/rpc": {"core", "rpc"},
    "src/pictures": {"core", "pictures"},
    "src/embedders": {"core", "embedders", "pictures", "rpc"},
    "src/projection": {"core", "index", "projection"},
    "src/http": {"core", "http"},
    "src/inspector": {"core", "http", "inspector", "projection"},
    "src/wasm": {"core"},
    "src/s3server": {"aws", "core", "http", "index", "rpc", "s3server"},
}

# The folders of src/ that may know a third party.
LIBRARIES = {
    r"grpc(pp|\+\+)?/|google/protobuf/": {"rpc", "embedders"},
    r"sqlite3": {"engines"},
    r"duckdb": {"duckdb_c", "engines", "parquet"},
    r"usearch/|numkong/": {"index"},
    r"lmdb": {"engines"},
    r"libpq": {"engines"},
    r"utf8proc": {"core"},
    r"httplib": {"http", "inspector", "s3server"},
    r"kainjow/": {"inspector"},
    r"png\.h|turbojpeg|webp/|gif_lib": {"pictures"},
}

BANNED = {
    r"\bstd::endl\b": "flushes; write '\\n'",
    r"\b(strcpy|strcat|sprintf|vsprintf|gets)\s*\(": "has no bound",
    r"(?<![.>\w])system\s*\(": "runs a shell",
}


# A type defined where others see it: at the margin, as nothing is indented in a namespace.
TYPE = re.compile(
    r"(?:struct|class|enum|enum class)(?: \[\[\w+\]\]| alignas\(\w+\))* (\w+)"
    r"(?: final)?(?: : [^;]*)?(?: \{.*|)$")


class File:
    """One file: its path below the root, and its text if it is source of ours."""

    def __init__(self, root, path):
        self.path = path
        self.full = root / path
        self.is_code = path.startswith(SOURCE_DIRS + ("cmake/",)) or path == "CMakeLists.txt"
        self.is_code = self.is_code and path.endswith(CODE_SUFFIXES) and "/data/" not in path
        self.is_cpp = self.is_code and path.endswith((".h", ".cc"))
        self.text = ""
        if self.is_code or path.endswith((".md", "package-lock.json")):
            self.text = self.full.read_text(encoding="utf-8", errors="surrogateescape")
        self.lines = self.text.splitlines()
        self.defined = {}  # in the whole project: the places of each type, filled by check()

    def folder(self):
        """The layer the file is in, as it is named in LAYERS."""
        parts = self.path.split("/")
        return "/".join(parts[:2]) if parts[0] == "src" else parts[0]


def code_lines(file):
    """Numbered lines without their comments: words in prose are free."""
    for number, line in enumerate(file.lines, 1):
        yield number, re.sub(r"(^|\s)//.*", "", line)


def includes(file):
    for number, line in enumerate(file.lines, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def rule_columns(file):
    if file.is_code:
        for number, line in enumerate(file.lines, 1):
            if len(line) > MAX_COLUMNS:
                yield number, f"{len(line)} columns, {MAX_COLUMNS} are allowed"


def rule_ascii(file):
    if file.is_code:
        for number, line in enumerate(file.lines, 1):
            if not line.isascii():
                yield number, "not ASCII"


def rule_blanks(file):
    if file.is_code:
        for number, line in enumerate(file.lines, 1):
            if "\t" in line:
                yield number, "a tab"
            if line != line.rstrip():
                yield number, "trailing blanks"
        if file.text and not file.text.endswith("\n"):
            yield len(file.lines), "no newline at the end of the file"


def rule_using(file):
    if file.is_cpp and file.path.endswith(".h"):
        for number, line in code_lines(file):
            if re.search(r"\busing\s+namespace\b", line):
                yield number, "'using namespace' in a header"


def rule_banned(file):
    if file.is_cpp:
        for number, line in code_lines(file):
            for pattern, reason in BANNED.items():
                match = re.search(pattern, line)
                if match:
                    yield number, f"'{match.group(0)}' {reason}"


def rule_stdout(file):
    if file.is_cpp and not file.path.startswith(("src/cli/", "tools/")):
        for number, line in code_lines(file):
            if re.search(r"\bstd::cout\b", line):
                yield number, "standard output belongs to the command line tools"


def types(file):
    """Lines and full names of the types that other files could have, too."""
    namespaces = []
    for number, line in enumerate(file.lines if file.is_cpp else (), 1):
        if match := re.match(r"namespace ?([\w:]*) ?\{", line):
            namespaces.append(match.group(1))
        elif line.startswith("}  // namespace"):
            namespaces.pop()
        elif "" not in namespaces and (match := TYPE.match(line)):
            yield number, "::".join((*namespaces, match.group(1)))


def rule_types(file):
    for number, name in types(file):
        others = [place for place in file.defined[name] if place != (file.path, number)]
        for path, line in others:
            yield number, f"{name} is a type of {path}:{line}, too: no compiler tells them apart"


def rule_length(file):
    if file.is_code and len(file.lines) > MAX_LINES:
        yield 1, f"{len(file.lines)} lines, {MAX_LINES} are allowed"


def rule_spdx(file):
    if file.is_cpp and (not file.lines or file.lines[0] != f"// {SPDX}"):
        yield 1, f"the first line is not '// {SPDX}'"


def rule_layers(file):
    if not file.is_cpp:
        return
    allowed = LAYERS.get(file.folder())
    for number, kind, name in includes(file):
        layer = name.split("/")[0]
        if name.endswith(".pb.h"):
            layer = "rpc"
        elif layer == "embeddingsdb":
            continue
        if kind == '"' and allowed is not None and layer not in allowed:
            yield number, f"{file.folder()} must not include {name}"
        # What the public headers use is in the standard library, whose headers have no suffix.
        if kind == "<" and file.path.startswith("include/") and re.search(r"[./]", name):
            yield number, f"a public header must not include <{name}>"


def rule_libraries(file):
    if not file.path.startswith("src/") or not file.is_cpp:
        return
    for number, _, name in includes(file):
        for pattern, folders in LIBRARIES.items():
            if re.match(f"(?:{pattern})", name) and file.path.split("/")[1] not in folders:
                # Our own folder of the same first word is no third party.
                if name.split("/")[0] != "duckdb_c":
                    yield number, f"<{name}> is used in {', '.join(sorted(folders))} only"


def rule_blobs(file):
    size = file.full.stat().st_size
    if size > MAX_BLOB_BYTES and not file.path.startswith("demo/"):
        yield 1, f"{size} bytes, {MAX_BLOB_BYTES} are allowed outside demo/"


def rule_fragments(file):
    if file.path.startswith("changes/unreleased/") and file.path.endswith(".md"):
        words = [line for line in file.lines if line.strip()]
        if not words or not words[0].startswith("#"):
            yield 1, "does not begin with a heading"
        elif all(line.startswith("#") for line in words):
            yield 1, "has a heading only"


def rule_lock(file):
    if file.path.endswith("package-lock.json") and '"resolved"' in file.text:
        yield 1, "has addresses: run scripts/update-lock"


RULES = {name[len("rule_"):]: function for name, function in sorted(globals().items())
         if name.startswith("rule_")}


def project_files(root):
    """What git knows or would add; all files where there is no git."""
    if (root / ".git").exists():
        listing = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
            capture_output=True, check=False)
        if listing.returncode == 0:
            names = listing.stdout.decode("utf-8", "surrogateescape").split("\0")
            return sorted({name for name in names if name and (root / name).is_file()})
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if not NOT_OURS & set(path.parts))


def check(root):
    """Yields (rule, path, line, message) for each violation."""
    files = [File(root, path) for path in project_files(root)]
    defined = collections.defaultdict(list)
    for file in files:
        file.defined = defined
        for number, name in types(file):
            defined[name].append((file.path, number))
    for file in files:
        for rule, function in RULES.items():
            for number, message in function(file):
                line = file.lines[number - 1] if number <= len(file.lines) else ""
                if f"NOLINT({rule})" not in line:
                    yield rule, file.path, number, message


HEAD = f"// {SPDX}\n"

# For each rule, files that break it (and no other rule).
CANARIES = {
    "columns": {"src/core/a.cc": HEAD + "x" * 101 + "\n"},
    "ascii": {"tests/unit/a.cc": HEAD + "// \u00e9\n"},
    "blanks": {"src/core/tab.cc": HEAD + "\tint a;\n", "src/core/trail.cc": HEAD + "int a; \n",
               "src/core/end.cc": HEAD + "int a;"},
    "using": {"src/core/a.h": HEAD + "using namespace std;\n"},
    "banned": {"src/core/endl.cc": HEAD + "a << std::endl;\n", "tools/a.cc": HEAD + "sprintf(a);\n",
               "src/core/copy.cc": HEAD + "strcpy(a, b);\n",
               "src/core/system.cc": HEAD + "std::system(a);\n"},
    "stdout": {"src/core/a.cc": HEAD + "std::cout << 1;\n"},
    "types": {"src/core/a.h": HEAD + "namespace a {\nstruct B {\n};\n}  // namespace a\n",
              "src/index/a.cc": HEAD + "namespace a {\nclass B final : public C {\n",
              "src/core/marked.h": HEAD + "namespace b {\nclass [[nodiscard]] D {\n",
              "src/core/marked.cc": HEAD + "namespace b {\nstruct alignas(64) D {\n"},
    "length": {"src/core/a.cc": HEAD + "int a;\n" * MAX_LINES},
    "spdx": {"src/core/a.cc": "int a;\n", "src/core/empty.cc": ""},
    "layers": {"src/core/a.cc": HEAD + '#include "index/distance.h"\n',
               "src/index/a.cc": HEAD + '#include "engines/database_base.h"\n',
               "src/rpc/a.cc": HEAD + '#include "engines/builtin_engines.h"\n',
               "src/core/proto.cc": HEAD + '#include "embeddingsdb/v1/a.pb.h"\n',
               "include/embeddingsdb/a.h": HEAD + '#include "core/json.h"\n',
               "include/embeddingsdb/b.h": HEAD + "#include <nlohmann/json.hpp>\n"},
    "libraries": {"src/core/a.cc": HEAD + "#include <sqlite3.h>\n",
                  "src/engines/a.cc": HEAD + "#include <grpcpp/grpcpp.h>\n",
                  "src/index/a.cc": HEAD + "#include <duckdb.h>\n"},
    "blobs": {"docs/a.png": "x" * (MAX_BLOB_BYTES + 1)},
    "fragments": {"changes/unreleased/empty.md": "", "changes/unreleased/head.md": "# Features\n",
                  "changes/unreleased/text.md": "Something.\n"},
    "lock": {"package-lock.json": '{"resolved": ""}\n'},
}

# Files no rule may complain about.
CLEAN = {
    "src/core/good.cc": HEAD + '#include "core/good.h"\n#include <map>\n// std::endl is banned\n',
    "src/rpc/good.cc": HEAD + '#include "a/v1/a.pb.h"\n#include <grpcpp/grpcpp.h>\n',
    "src/core/marked.cc": HEAD + "// \u00e9 NOLINT(ascii)\n",
    "src/core/bounded.cc": HEAD + "snprintf(a, n, b);\nfile_system(a);\n",
    "src/engines/good.cc": HEAD + '#include "duckdb_c/handle.h"\n#include <sqlite3.h>\n',
    "src/cli/good.cc": HEAD + '#include "engines/builtin_engines.h"\nstd::cout << 1;\n',
    "src/core/types.h": HEAD + "namespace a {\nstruct A;\nstruct A {};\nstruct B {};\n",
    "src/core/types.cc": HEAD + "namespace a {\nnamespace {\nstruct A {\n",
    "src/index/types.cc": HEAD + "namespace b {\nstruct B {};\nenum class A kNone = A::kOne;\n",
    "include/embeddingsdb/good.h": HEAD + '#include <span>\n#include "embeddingsdb/status.h"\n',
    "tests/data/words.py": "\u00e9\t\n",
    "demo/vectors.f32": "x" * (MAX_BLOB_BYTES + 1),
    "build/dev/a.cc": "\t",
    "changes/unreleased/good.md": "# Features\n\nMore of them.\n",
}


def plant(files):
    """Checks a project of these files only; returns the (rule, path) pairs found."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return {(rule, path) for rule, path, _, _ in check(root)}


def self_test():
    failures = [f"rule '{rule}' has no canary" for rule in RULES if rule not in CANARIES]
    failures += [f"clean file reported: {found}" for found in plant(CLEAN)]
    for rule, files in CANARIES.items():
        expected = {(rule, path) for path in files}
        found = plant(files)
        failures += [f"not found: {pair}" for pair in sorted(expected - found)]
        failures += [f"found besides: {pair}" for pair in sorted(found - expected)]
    for failure in failures:
        print(failure)
    print(f"tidy self-test: {len(RULES)} rules, {len(failures)} failures")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--self-test", action="store_true")
    default = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--root", type=pathlib.Path, default=default)
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    violations = list(check(arguments.root))
    for rule, path, number, message in violations:
        print(f"{path}:{number}: {message} [{rule}]")
    print(f"tidy: {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
