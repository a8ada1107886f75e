#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers that ask their clients for a certificate: who gets in, and what the others are told."""

import time

from harness import (
    ENGINES, PATIENCE, Server, TestCase, database_uri, json_lines, main, record, tool,
)


class MutualTls(TestCase):
    def setUp(self):
        super().setUp()
        for authority in ("servers", "members", "strangers"):
            self.self_signed(authority)
        self.signed("server", "servers", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.signed("member", "members")
        self.signed("other-member", "members")
        self.signed("stranger", "strangers")
        self.self_signed("nobody")
        self.server = (f"&tls-certificate={self.folder}/server.crt"
                       f"&tls-key={self.folder}/server.key"
                       f"&tls-client-ca={self.folder}/members.crt")

    def signed(self, name, authority, extension="basicConstraints=CA:FALSE"):
        """A key and a certificate that an authority signs."""
        self.openssl("req", *self.NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                     "-subj", f"/CN={name}", "-addext", extension)
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt",
                     "-CAkey", f"{authority}.key", "-CAcreateserial", "-copy_extensions", "copy",
                     "-days", "2", "-out", f"{name}.crt")

    def uri(self, server, trusts="servers", certificate=None, key=None):
        options = {
            "tls-certificate": trusts,
            "tls-client-certificate": certificate,
            "tls-client-key": key,
        }
        suffix = {"tls-client-key": ".key"}
        given = [f"{option}={self.folder}/{name}{suffix.get(option, '.crt')}"
                 for option, name in options.items() if name]
        return f"grpc://{server.address}?" + "&".join(given)

    def add(self, number, uri):
        return tool("embeddingsdb-client", "add", "-client-uri", uri, "-record", "-",
                    stdin=json_lines([record(number)]))

    def test_members_get_in_and_nobody_else(self):
        for engine in ENGINES:
            with self.subTest(engine):
                folder = self.folder_for(engine)
                database = database_uri(engine, folder)
                with Server(folder, database, parameters=self.server) as server:
                    self.check_doors(server)
                    self.assertEqual(server.stop(), 0, server.log())
                listed = tool("embeddingsdb-client", "list", "-database-uri", database)
                self.assertEqual(self.assertTool(listed).lines(), [record(1), record(2)])

    def check_doors(self, server):
        member = self.uri(server, certificate="member", key="member")
        self.assertTool(self.add(1, member), 0, "INFO Added record p-d000001-m")
        other = self.uri(server, certificate="other-member", key="other-member")
        self.assertTool(self.add(2, other), 0, "INFO Added record p-d000002-m")

        # The server ends these during the handshake; its log says why.
        no_certificate = self.uri(server)
        insecure = f"grpc://{server.address}?tls-insecure=true"
        of_another = self.uri(server, certificate="stranger", key="stranger")
        self_made = self.uri(server, certificate="nobody", key="nobody")
        plaintext = f"grpc://{server.address}"
        for uri, why in (
            (no_certificate, "peer did not return a certificate"),
            (insecure, "peer did not return a certificate"),
            (of_another, "certificate verify failed"),
            (self_made, "certificate verify failed"),
            (plaintext, "wrong version number"),
        ):
            logged = len(server.log())
            refused = self.assertTool(self.add(3, uri), 4, f"UNAVAILABLE: {server.address}")
            self.assertNotIn("Added", refused.err)
            self.assert_logged(server, logged, why)
        for line in server.log().splitlines():  # gRPC's own have the form of ours
            self.assertRegex(line, r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+ ")

        # And these do not leave this machine.
        not_its_key = self.uri(server, certificate="member", key="other-member")
        self.assertTool(self.add(3, not_its_key), 1,
                        "tls-client-key is not the private key of tls-client-certificate")
        no_key = self.uri(server, certificate="member")
        self.assertTool(self.add(3, no_key), 1, "tls-client-certificate needs tls-client-key")
        no_server = self.uri(server, trusts=None, certificate="member", key="member")
        self.assertTool(self.add(3, no_server), 1, "tls-client-certificate needs tls-certificate")

        # The member does not speak to a server of another authority.
        wrong_server = self.uri(server, trusts="strangers", certificate="member", key="member")
        self.assertTool(self.add(3, wrong_server), 4, "certificate verify failed")

        counted = tool("embeddingsdb-client", "count", "-client-uri", member)
        self.assertEqual(self.assertTool(counted).out, "2\n")

    def assert_logged(self, server, start, why):
        deadline = time.monotonic() + PATIENCE
        while why not in server.log()[start:] and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIn(why, server.log()[start:])

    def test_canary_server_that_does_not_ask(self):
        without = self.server.partition("&tls-client-ca")[0]
        with Server(self.folder, "memory://", parameters=without) as server:
            with self.assertRaisesRegex(AssertionError, "Added record p-d000003-m"):
                self.check_doors(server)

    def test_server_needs_a_certificate_of_its_own(self):
        authority = f"&tls-client-ca={self.folder}/members.crt"
        result = tool("embeddingsdb-server", "-database-uri", "memory://", "-server-uri",
                      "grpc://127.0.0.1:0?database-uri={database}" + authority)
        self.assertTool(result, 1, "tls-client-ca needs tls-certificate and tls-key")

    def test_open_address_is_served_without_a_token(self):
        # Who has no certificate is not let in, so an address that all can reach needs no token.
        with Server(self.folder, "memory://", parameters=self.server,
                    scheme_host="grpc://0.0.0.0:0") as server:
            server.address = "localhost:" + server.address.rpartition(":")[2]
            member = self.uri(server, certificate="member", key="member")
            self.assertTool(self.add(1, member))
            self.assertTool(self.add(2, self.uri(server)), 4)
            self.assertEqual(server.stop(), 0, server.log())


if __name__ == "__main__":
    main()
