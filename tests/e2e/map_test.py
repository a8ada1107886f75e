#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The inspector's map as programs ask for it, and the end of a process that is making one."""

import http.client
import json
import math
import signal
import struct

from harness import PATIENCE, Server, database_uri, main, record
from inspector_test import HEADERS, POLICY, Inspector, InspectorTestCase


def get(inspector, path):
    """Status, headers and bytes of an answer."""
    connection = http.client.HTTPConnection(inspector.address.hostname, inspector.address.port,
                                            timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def await_map(inspector, query):
    """The bytes of a map, once they are there."""
    while True:
        status, headers, body = get(inspector, f"/api/map/?{query}")
        if status != 202:
            assert status == 200, (status, body)
            return headers, body
        assert body == b""


class Map:
    """docs/inspector.md, read by somebody else."""

    def __init__(self, data):
        magic, version, self.stage, count, names, self.total, self.id = \
            struct.unpack_from("<4sHHIIQQ", data)
        assert (magic, version) == (b"EDBM", 2)
        assert len(data) == 32 + 12 * count + names
        numbers = struct.unpack_from(f"<{2 * count}f", data, 32)
        self.points = list(zip(numbers[::2], numbers[1::2]))
        self.providers = struct.unpack_from(f"<{count}I", data, 32 + 8 * count)
        self.names = json.loads(data[32 + 12 * count:])


class Maps(InspectorTestCase):
    def test_points_records_and_keys_belong_together(self):
        with self.inspect() as inspector:
            headers, data = await_map(inspector, "model=m&after=pca")
            for name, value in HEADERS.items():
                self.assertEqual(headers.get_all(name), [value])
            self.assertEqual(headers["Content-Security-Policy"], POLICY)
            self.assertEqual(headers["Content-Type"], "application/octet-stream")
            found = Map(data)
            self.assertEqual((found.stage, found.total, found.names), (2, 30, ["p"]))
            self.assertEqual(len(found.points), 30)
            self.assertTrue(all(math.isfinite(number) for point in found.points
                                for number in point))
            query = f"model=m&map={found.id:x}"
            _, headers, keys = get(inspector, f"/api/map/keys/?{query}")
            self.assertEqual(headers["Content-Type"], "application/jsonl")
            keys = [json.loads(line) for line in keys.splitlines()]
            self.assertEqual(sorted(key["depiction_id"] for key in keys),
                             [f"d{number:06}" for number in range(30)])
            _, headers, records = get(inspector, f"/api/map/records/?{query}&points=7,3")
            self.assertEqual(headers["Content-Type"], "application/json")
            records = json.loads(records)["records"]
            self.assertEqual([found["point"] for found in records], [7, 3])
            for shown in records:
                key = keys[shown["point"]]
                self.assertEqual({name: shown[name] for name in key}, key)
                self.assertEqual(get(inspector, shown["address"])[0], 200)

    def test_a_server_can_be_between(self):
        folder = self.folder_for("served")
        with Server(folder, database_uri("lmdb", folder)) as server:
            self.assertTool(self.add([record(n) for n in range(5)], *server.client))
            with Inspector(folder, *server.client) as inspector:
                self.assertEqual(len(Map(await_map(inspector, "model=m")[1]).points), 5)
                server.stop()
                self.assertEqual(get(inspector, "/api/map/?model=m")[0], 503)

    def test_it_ends_while_it_makes_a_map(self):
        more = [record(n, model="large", dimension=64) for n in range(6_000)]
        self.assertTool(self.add(more, "-database-uri", self.database))
        with self.inspect() as inspector:
            await_map(inspector, "model=large")
            self.assertEqual(inspector.stop(signal.SIGTERM), 0, inspector.log())
            self.assertNotIn("Failed", inspector.log())


if __name__ == "__main__":
    main()
