# SPDX-License-Identifier: BSD-3-Clause
"""Forges Parquet files that lie. A writer of the format's few parts that a record needs, in which
every number of the footer and of the page headers can be replaced
(https://github.com/apache/parquet-format)."""

import struct

MAGIC = b"PAR1"
BYTE_ARRAY, FLOAT, INT32, INT64 = 6, 4, 1, 2
REQUIRED, OPTIONAL, REPEATED = 0, 1, 2
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
UNCOMPRESSED, SNAPPY, GZIP, ZSTD = 0, 1, 2, 6
UTF8, LIST = 0, 3


# Thrift's compact protocol. A value is a pair: type and bytes.

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return varint((number << 1) ^ (number >> 63) if number < 0 else number << 1)


def i32(number):
    return 5, zigzag(number)


def i64(number):
    return 6, zigzag(number)


def text(data):
    data = data.encode() if isinstance(data, str) else data
    return 8, varint(len(data)) + data


def listed(values, count=None, kind=None):
    """A list, which may claim to have another count."""
    count = len(values) if count is None else count
    kind = kind or (values[0][0] if values else 12)
    head = bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + varint(count)
    return 9, head + b"".join(value for _, value in values)


def structure(fields):
    """`fields` maps field ids to values; None is left out."""
    out, last = bytearray(), 0
    for number, value in sorted(fields.items()):
        if value is None:
            continue
        step = number - last
        out += bytes([step << 4 | value[0]]) if step < 16 else bytes([value[0]]) + zigzag(number)
        out += value[1]
        last = number
    return 12, bytes(out) + b"\0"


# Parquet.

def plain_text(values):
    return b"".join(struct.pack("<I", len(v)) + v for v in (value.encode() for value in values))


def plain_floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def runs(*pairs):
    """Runs of RLE levels, (count, level), with their length in front."""
    data = b"".join(varint(count << 1) + bytes([level]) for count, level in pairs)
    return struct.pack("<I", len(data)) + data


def schema_element(name, kind=None, repetition=None, children=None, converted=None):
    optional = lambda number: None if number is None else i32(number)
    return structure({1: optional(kind), 3: optional(repetition), 4: text(name),
                      5: optional(children), 6: optional(converted)})


def data_page(body, values, compressed=None, **lies):
    """A data page; `lies` are uncompressed_size, compressed_size, encoding and kind."""
    stored = body if compressed is None else compressed
    header = structure({
        1: i32(lies.get("kind", 0)),
        2: i32(lies.get("uncompressed_size", len(body))),
        3: i32(lies.get("compressed_size", len(stored))),
        5: structure({1: i32(values), 2: i32(lies.get("encoding", PLAIN)),
                      3: i32(RLE), 4: i32(RLE)}),
    })
    return header[1] + stored


def dictionary_page(body, values):
    header = structure({1: i32(2), 2: i32(len(body)), 3: i32(len(body)),
                        7: structure({1: i32(values), 2: i32(PLAIN)})})
    return header[1] + body


class Column:
    """A column chunk: its schema, its pages, and what the footer says of it (`lies` replace it)."""

    def __init__(self, path, kind, values, /, *pages, **lies):
        self.pages = pages
        self.schema = lies.pop("schema", [schema_element(path[0], kind, REQUIRED, converted=UTF8)])
        self.said = {"kind": kind, "codec": UNCOMPRESSED, "values": values, "path": path,
                     "bytes": sum(map(len, pages)), "dictionary": None}
        self.lies = lies

    def footer(self, offset):
        said = {**self.said, "offset": offset, "file_offset": offset, **self.lies}
        return structure({
            2: i64(said["file_offset"]),
            3: structure({
                1: i32(said["kind"]),
                2: listed([i32(PLAIN), i32(RLE)]),
                3: listed([text(part) for part in said["path"]]),
                4: i32(said["codec"]),
                5: i64(said["values"]),
                6: i64(said["bytes"]),
                7: i64(said["bytes"]),
                9: i64(said["offset"]),
                11: None if said["dictionary"] is None else i64(said["dictionary"]),
            }),
        })


ROWS, DIMENSION = 4, 3


def column(name, texts=None, **lies):
    """A column of strings."""
    texts = [f"{name}{row}" for row in range(ROWS)] if texts is None else texts
    return Column([name], BYTE_ARRAY, len(texts), data_page(plain_text(texts), len(texts)), **lies)


LIST_SCHEMA = [schema_element("embeddings", repetition=REQUIRED, children=1, converted=LIST),
               schema_element("list", repetition=REPEATED, children=1),
               schema_element("element", FLOAT, REQUIRED)]


def vectors(page=None, **lies):
    """The column of vectors; `page` replaces its data page."""
    values = ROWS * DIMENSION
    page = data_page(vector_body(), values) if page is None else page
    path = ["embeddings", "list", "element"]
    return Column(path, FLOAT, values, page, schema=LIST_SCHEMA, **lies)


def vector_body(repetition=None, definition=None):
    repetition = repetition or [(1, 0), (DIMENSION - 1, 1)] * ROWS
    definition = definition or [(ROWS * DIMENSION, 1)]
    floats = plain_floats([number / 8 + 0.5 for number in range(ROWS * DIMENSION)])
    return runs(*repetition) + runs(*definition) + floats


def columns(**replaced):
    """The columns of a record, some of them replaced."""
    made = {"provider": column("provider", ["p"] * ROWS), "depiction_id": column("depiction_id"),
            "model": column("model", ["m"] * ROWS), "embeddings": vectors()}
    return list({**made, **replaced}.values())


def footer_of(chunks, offsets, **lies):
    """The bytes of a footer. `lies` are rows, group_rows, schema, groups, children and extra."""
    schema = [schema_element("root", children=lies.get("children", len(chunks)))]
    schema += [element for chunk in chunks for element in chunk.schema]
    group = structure({
        1: listed([chunk.footer(offset) for chunk, offset in zip(chunks, offsets)]),
        2: i64(sum(len(page) for chunk in chunks for page in chunk.pages)),
        3: i64(lies.get("group_rows", ROWS)),
    })
    return structure({
        1: i32(1),
        2: lies.get("schema", listed(schema)),
        3: i64(lies.get("rows", ROWS)),
        4: lies.get("groups", listed([group])),
        **lies.get("extra", {}),
    })[1]


def forge(chunks=None, length=None, **lies):
    """A whole file. `length` replaces what its end says of the footer's length."""
    chunks = columns() if chunks is None else chunks
    data, offsets = bytearray(MAGIC), []
    for chunk in chunks:
        offsets.append(len(data))
        for page in chunk.pages:
            data += page
    footer = footer_of(chunks, offsets, **lies)
    tail = struct.pack("<I", len(footer) if length is None else length)
    return bytes(data) + footer + tail + MAGIC


# The layout of go-embeddingsdb's writer, parquet-go 0.29 with its defaults.

def zstd_stored(data):
    """A zstd frame of one block that is not compressed (RFC 8878)."""
    block = struct.pack("<I", len(data) << 3 | 1)[:3] + data
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data)) + block


def packed(values, width):
    """Bit-packed, the lowest bits first."""
    number = sum(value << width * i for i, value in enumerate(values))
    return number.to_bytes((width * len(values) + 7) // 8, "little")


def delta_lengths(data):
    """DELTA_LENGTH_BYTE_ARRAY of at most 129 strings: one block of four miniblocks."""
    assert len(data) <= 129
    lengths = [len(value) for value in data]
    first = lengths[0] if lengths else 0
    out = varint(128) + varint(4) + varint(len(lengths)) + zigzag(first)
    deltas = [b - a for a, b in zip(lengths, lengths[1:])]
    if deltas:
        low = min(deltas)
        minis = [[delta - low for delta in deltas[at:at + 32]] for at in range(0, 128, 32)]
        widths = [max(mini, default=0).bit_length() for mini in minis]
        out += zigzag(low) + bytes(widths)
        out += b"".join(packed(mini + [0] * (32 - len(mini)), width)
                        for mini, width in zip(minis, widths) if mini)
    return out + b"".join(data)


def page_v2(body, counts, encoding, levels=(b"", b"")):
    """A data page V2. `counts` are values and rows, `levels` of definition and repetition."""
    stored = levels[1] + levels[0] + body
    header = structure({
        1: i32(3), 2: i32(len(stored)), 3: i32(len(stored)),
        8: structure({1: i32(counts[0]), 2: i32(0), 3: i32(counts[1]), 4: i32(encoding),
                      5: i32(len(levels[0])), 6: i32(len(levels[1])), 7: (2, b"")}),
    })
    return header[1] + stored


def go_text(name, values):
    """A column of strings: a compressed dictionary, and indices that are not compressed."""
    known = sorted(set(values))
    plain = plain_text(known)
    stored = zstd_stored(plain)
    head = structure({1: i32(2), 2: i32(len(plain)), 3: i32(len(stored)),
                      7: structure({1: i32(len(known)), 2: i32(PLAIN)})})[1]
    indices = b"".join(varint(1 << 1) + bytes([known.index(value)]) for value in values)
    data = page_v2(b"\x08" + indices, (len(values), len(values)), RLE_DICTIONARY)
    return GoColumn([name], BYTE_ARRAY, len(values), head + stored, data, codec=ZSTD)


class GoColumn(Column):
    """A column whose dictionary page stands before its data page."""

    def footer(self, offset):
        if len(self.pages) == 2:
            self.lies = {**self.lies, "dictionary": offset, "offset": offset + len(self.pages[0])}
        return super().footer(offset)


def go_lists(path, kind, rows, encode, schema):
    """A column of lists; `rows` has one for each row, and `encode` is that of all their values."""
    levels = [(0, 0)] if not rows else []
    for row in rows:
        levels += [(0, 0)] if not row else [(0, 1)] + [(1, 1)] * (len(row) - 1)
    run = lambda which: b"".join(varint(1 << 1) + bytes([level[which]]) for level in levels)
    encoding, body = encode([value for row in rows for value in row])
    page = page_v2(body, (len(levels), len(rows)), encoding, (run(1), run(0)))
    return Column(path, kind, len(levels), page, schema=schema)


def go_file(records):
    """Records, as JSON has them, in a file as go-embeddingsdb writes it."""
    floats = lambda values: (PLAIN, plain_floats(values))
    texts = lambda values: (6, delta_lengths([value.encode() for value in values]))
    map_of = [schema_element("attributes", repetition=REQUIRED, children=1, converted=1),
              schema_element("key_value", repetition=REPEATED, children=2),
              schema_element("key", BYTE_ARRAY, REQUIRED, converted=UTF8)]
    pairs = [sorted((row["attributes"] or {}).items()) for row in records]
    created = struct.pack(f"<{len(records)}q", *(row["created"] for row in records))
    chunks = [
        *(go_text(name, [row[name] for row in records])
          for name in ("provider", "depiction_id", "subject_id", "model")),
        go_lists(["embeddings", "list", "element"], FLOAT,
                 [row["embeddings"] for row in records], floats, LIST_SCHEMA),
        Column(["created"], INT64, len(records),
               page_v2(created, (len(records), len(records)), PLAIN),
               schema=[schema_element("created", INT64, REQUIRED, converted=18)]),
        go_lists(["attributes", "key_value", "key"], BYTE_ARRAY,
                 [[key for key, _ in row] for row in pairs], texts, map_of),
        go_lists(["attributes", "key_value", "value"], BYTE_ARRAY,
                 [[value for _, value in row] for row in pairs], texts,
                 [schema_element("value", BYTE_ARRAY, REQUIRED, converted=UTF8)]),
    ]
    made_by = {6: text("github.com/parquet-go/parquet-go version 0.29.0(build )")}
    return forge(chunks, rows=len(records), group_rows=len(records), children=7, extra=made_by)
