#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""parquet-sign and parquet-verify: what was signed is valid, and what is done to it is named."""

import base64
import hashlib
import re
import subprocess

from examples import duckdb_rows
from harness import TestCase, main, record, tool

COLUMNS = "provider, depiction_id, subject_id, model, embeddings, created, attributes"
# What is done to a file: the columns that are replaced, or the rest of the query.
ONE = "depiction_id = 'd000003'"
CHANGED = f"CASE WHEN {ONE} THEN [0.5] || embeddings[2:] ELSE embeddings END::FLOAT[]"
FLOAT = f"* REPLACE ({CHANGED} AS embeddings)"
ATTRIBUTE = (f"* REPLACE (CASE WHEN {ONE} THEN map_concat(attributes, MAP {{'title': 'other'}}) "
             "ELSE attributes END AS attributes)")


class SigningTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.file = self.parquet_of([record(n) for n in range(10)], "c.parquet")

    def uri(self, name="me"):
        return f"x509://?certificate-uri={self.folder}/{name}.crt&key-uri={self.folder}/{name}.key"

    def verifier(self, file):
        return f"x509://?certificate-uri=file://{self.folder}/{file}"

    def sign(self, *flags, uri=None, code=0, error="Completed"):
        return self.assertTool(
            tool("parquet-sign", "-signer-uri", uri or self.uri(), "-target-bucket-uri",
                 f"file://{self.folder}", *flags, self.file), code, error)

    def verify(self, *flags, file=None, code=0, key="c-signatures.pub",
               by=("-signatures", "c-signatures.parquet")):
        return self.assertTool(
            tool("parquet-verify", "-verifier-uri", self.verifier(key), by[0],
                 self.folder / by[1], *flags, file or self.file), code)

    def tampered(self, select="*", rest="", name="t.parquet", source=None):
        """A file that DuckDB makes of the signed one."""
        path = self.folder / name
        duckdb_rows(f"COPY (SELECT {select} FROM '{source or self.file}' {rest}) "
                    f"TO '{path}' (FORMAT parquet)", None, self.folder)
        return path

    def counts(self, result):
        [line] = re.findall(r"Completed (count=.*)", result.err)
        return line


class Signatures(SigningTestCase):
    def setUp(self):
        super().setUp()
        self.self_signed("me")
        self.self_signed("other")

    def test_of_an_unchanged_file_are_valid_whoever_wrote_it(self):
        self.sign()
        self.assertEqual(self.counts(self.verify()),
                         "count=10 valid=10 invalid=0 missing=0 errors=0")
        shuffled = self.tampered(rest="ORDER BY hash(depiction_id)")
        self.assertIn("valid=10", self.verify(file=shuffled).err)
        certificate = (self.folder / "me.crt").read_text()
        self.assertEqual((self.folder / "c-signatures.pub").read_text(), certificate)

    def test_have_the_columns_and_the_hash_of_go_embeddingsdb(self):
        self.sign("-embed-public-key")
        path = self.folder / "c-signatures.parquet"
        schema = self.assertTool(tool("parquet-metadata", path)).json()["Schema"]
        self.assertEqual(
            [column["Name"] for column in schema],
            ["Signature", "provider", "depiction_id", "model", "record_hash", "record_signature"])
        lines = self.assertTool(tool("parquet-emit", self.file)).out.splitlines()
        hashes = duckdb_rows(f"SELECT record_hash FROM '{path}'", None, self.folder)
        self.assertEqual(hashes, [[hashlib.sha256(l.encode()).hexdigest()] for l in lines])
        pairs = self.assertTool(tool("parquet-metadata", "-key-value", path)).json()
        self.assertEqual(pairs["embeddingsdb:signatures:public_key"],
                         (self.folder / "me.crt").read_text())

    def payload(self):
        """What is signed of the first record."""
        text = self.assertTool(tool("parquet-emit", self.file)).out.splitlines()[0]
        (self.folder / "payload").write_text(text)
        return text

    def test_are_those_of_openssl_in_both_directions(self):
        self.file = self.tampered(rest="LIMIT 1", name="c1.parquet")
        digest = hashlib.sha256(self.payload().encode()).hexdigest()
        for kind in (("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"),
                     ("ed25519",)):
            self.NEW_KEY = ("-newkey", *kind, "-nodes")
            self.self_signed("me")
            self.openssl("x509", "-in", "me.crt", "-pubkey", "-noout", "-out", "me.pub")
            how = ("-rawin",) if kind == ("ed25519",) else ("-rawin", "-digest", "sha256")
            # Ours by openssl.
            self.sign()
            [[pem]] = duckdb_rows(
                f"SELECT record_signature FROM '{self.folder}/c1-signatures.parquet'", None,
                self.folder)
            body = "".join(line for line in pem.splitlines() if not line.startswith("-"))
            (self.folder / "sig").write_bytes(base64.b64decode(body))
            self.openssl("pkeyutl", "-verify", *how, "-pubin", "-inkey", "me.pub", "-in",
                         "payload", "-sigfile", "sig")
            # Canary: openssl does refuse what is not signed.
            with self.assertRaises(subprocess.CalledProcessError):
                self.openssl("pkeyutl", "-verify", *how, "-pubin", "-inkey", "me.pub", "-in",
                             "me.crt", "-sigfile", "sig")
            # openssl's by ours.
            self.openssl("pkeyutl", "-sign", *how, "-inkey", "me.key", "-in", "payload", "-out",
                         "sig")
            text = base64.encodebytes((self.folder / "sig").read_bytes()).decode()
            text = f"-----BEGIN SIGNATURE-----\n{text}-----END SIGNATURE-----\n"
            self.tampered(f"provider, depiction_id, model, '{digest}' AS record_hash, "
                          f"'{text}' AS record_signature", name="s.parquet", source=self.file)
            self.assertIn("valid=1", self.verify(key="me.crt", by=("-signatures", "s.parquet")).err)

    def test_take_keys_in_all_their_forms(self):
        self.openssl("ec", "-in", "me.key", "-out", "sec1.key")
        self.openssl("pkcs8", "-topk8", "-in", "me.key", "-passout", "pass:s3kret", "-out",
                     "locked.key")
        uri = f"tls://?certificate-uri=file://{self.folder}/me.crt&key-uri=file://{self.folder}/"
        self.sign(uri=uri + "sec1.key")
        self.sign(uri=uri + "locked.key&key-password-uri=s3kret")
        self.sign(uri=uri + "locked.key", code=1, error="no private key")
        wrong = self.sign(uri=uri + "locked.key&key-password-uri=n0tit", code=1,
                          error="with the password of key-password-uri")
        self.assertNotIn("n0tit", wrong.err)
        self.NEW_KEY = ("-newkey", "rsa:2048", "-nodes")
        self.self_signed("me")
        self.openssl("rsa", "-traditional", "-in", "me.key", "-out", "pkcs1.key")
        self.sign(uri=uri + "pkcs1.key")
        self.NEW_KEY = ("-newkey", "ed448", "-nodes")
        self.self_signed("me")
        self.sign(code=1, error="only RSA, ECDSA and Ed25519")

    def test_do_not_fit_a_changed_record(self):
        self.sign()
        for select in (FLOAT, ATTRIBUTE, "* REPLACE (created + 1 AS created)"):
            result = self.verify(file=self.tampered(select), code=5)
            self.assertIn('row 3, provider "p", depiction_id "d000003"', result.out)
            self.assertIn("missing: no signature has the hash", result.out)
        self.assertEqual(len(result.out.splitlines()), 10)
        self.assertEqual(len(self.verify("-max-problems", "2", code=5,
                                         file=self.folder / "t.parquet").out.splitlines()), 2)

    def test_by_another_key_are_invalid(self):
        self.sign()
        self.sign(uri=self.uri("other"), code=0)
        result = self.verify(key="me.crt", code=5)
        self.assertEqual(self.counts(result), "count=10 valid=0 invalid=10 missing=0 errors=0")
        self.assertIn("invalid: the signature is not by this key", result.out)

    def test_of_several_files_are_taken_together(self):
        self.sign()
        half = "c-signatures.parquet"
        for name, rest in (("a.parquet", "LIMIT 4"), ("b.parquet", "OFFSET 4")):
            self.tampered(rest=rest, name=name, source=self.folder / half)
        self.assertIn("valid=4 invalid=0 missing=6",
                      self.verify(by=("-signatures", "a.parquet"), code=5).err)
        self.verify("-signatures", self.folder / "b.parquet", by=("-signatures", "a.parquet"))

    def test_that_are_none_are_errors(self):
        self.sign()
        for select in ("replace(record_signature, 'SIGNATURE', 'CERTIFICATE')",
                       "record_signature[:60]"):
            self.tampered(f"* REPLACE ({select} AS record_signature)", name="bad.parquet",
                          source=self.folder / "c-signatures.parquet")
            result = self.verify(by=("-signatures", "bad.parquet"), code=5)
            self.assertEqual(self.counts(result), "count=10 valid=0 invalid=0 missing=0 errors=10")

    def test_files_that_are_none_are_refused(self):
        self.sign()
        whole = (self.folder / "c-signatures.parquet").read_bytes()
        (self.folder / "cut.parquet").write_bytes(whole[:-20])
        bad = self.verify(by=("-signatures", "cut.parquet"), code=1)
        self.assertIn("cut.parquet", bad.err)
        bad = self.verify(by=("-signatures", "c.parquet"), code=1)
        self.assertIn('has no column "record_hash"', bad.err)

    def test_keys_that_do_not_fit_are_refused_and_nothing_is_written(self):
        mixed = f"x509://?certificate-uri={self.folder}/me.crt&key-uri={self.folder}/other.key"
        self.sign(uri=mixed, code=1, error="is not that of the certificate")
        self.sign(uri=self.uri("none"), code=3, error="certificate-uri")
        self.sign(uri="ftp://x", code=1, error="the known ones are")
        self.assertFalse(list(self.folder.glob("c-signatures*")))

    def test_no_key_is_shown(self):
        key = (self.folder / "me.key").read_text()
        shown = self.sign(uri=f"x509://?certificate-uri={self.folder}/me.crt&key-uri={key[:40]}",
                          code=1, error="").err
        self.assertNotIn("BEGIN", shown)

    def test_flags(self):
        self.assertTool(tool("parquet-sign", self.file), 2, "-signer-uri is missing")
        self.sign("-target-bucket-uri", "s3://bucket", code=2, error="cwd:// and file:// are known")
        self.sign(self.file, code=2, error="would both be signed")
        self.assertTool(tool("parquet-verify", self.file), 2, "-verifier-uri is missing")
        self.assertTool(tool("parquet-verify", "-verifier-uri", "x", self.file), 2, "either")


class Manifests(SigningTestCase):
    NEW_KEY = ("-newkey", "ed25519", "-nodes")

    def setUp(self):
        super().setUp()
        self.self_signed("me")
        self.self_signed("other")
        self.sign("-manifest")

    def check(self, file=None, code=0, key="c-manifest.pub", manifest="c-manifest.parquet"):
        return self.verify(file=file, code=code, key=key, by=("-manifest", manifest))

    def assert_found(self, counts, lines, select="*", rest=""):
        result = self.check(file=self.tampered(select, rest), code=5)
        self.assertIn(counts, self.counts(result))
        shown = [re.sub(r'^.*: row (\d+), .* depiction_id "(\w+)".*?: ', r"\1 \2 ", line)
                 for line in result.out.splitlines()]
        self.assertEqual(shown, lines, result)

    def test_of_an_unchanged_file_is_valid_whoever_wrote_it(self):
        counts = "count=10 valid=10 changed=0 added=0 moved=0 missing=0"
        self.assertEqual(self.counts(self.check()), counts)
        self.assertEqual(self.counts(self.check(file=self.tampered())), counts)

    def test_one_float_and_one_attribute_are_named(self):
        self.assert_found("valid=9 changed=1", ["3 d000003 changed: its vector differs"], FLOAT)
        self.assert_found("valid=9 changed=1",
                          ["3 d000003 changed: its subject, time or attributes differ"], ATTRIBUTE)

    def test_canary_a_file_that_was_not_changed_does_not_pass_for_a_changed_one(self):
        with self.assertRaises(AssertionError):
            self.assert_found("valid=9 changed=1", ["3 d000003 changed: its vector differs"])
        with self.assertRaises(AssertionError):
            self.check(file=self.tampered(FLOAT))

    def test_a_row_that_is_gone_or_new_is_named(self):
        self.assert_found("count=9 valid=9 changed=0 added=0 moved=0 missing=1",
                          ["3 d000003 missing: it was in this row"], rest=f"WHERE NOT {ONE}")
        self.assert_found("count=11 valid=10 changed=0 added=1",
                          ["10 d000003 added: it was not signed"],
                          rest=f"UNION ALL FROM '{self.file}' WHERE {ONE}")
        self.assert_found(
            "count=10 valid=9 changed=0 added=1 moved=0 missing=1",
            ["3 new added: it was not signed", "3 d000003 missing: it was in this row"],
            f"* REPLACE (CASE WHEN {ONE} THEN 'new' ELSE depiction_id END AS depiction_id)")

    def test_rows_in_another_order_are_named(self):
        self.assert_found("valid=9 changed=0 added=0 moved=1 missing=0",
                          ["9 d000003 moved: it was row 3"], rest=f"ORDER BY {ONE}, depiction_id")

    def test_by_another_key_is_refused(self):
        result = self.check(key="other.crt", code=5)
        self.assertIn("is not signed by this key", result.err)

    def test_that_was_changed_itself_is_refused(self):
        # With the data: the rows of the manifest are below the root that is signed.
        manifest = self.folder / "c-manifest.parquet"
        pairs = self.assertTool(tool("parquet-metadata", "-key-value", manifest)).json()
        metadata = ", ".join(
            "'{}': '{}'".format(k, v.replace("'", "''")) for k, v in pairs.items())
        for select in ("* REPLACE ('x' AS provider)",
                       "* REPLACE (vector_hash AS facts_hash)"):
            duckdb_rows(f"COPY (SELECT {select} FROM '{manifest}') TO '{self.folder}/m.parquet' "
                        f"(FORMAT parquet, KV_METADATA {{{metadata}}})", None, self.folder)
            result = self.check(manifest="m.parquet", code=5)
            self.assertIn("was changed after it was signed", result.err)
            self.assertIn("among rows 0 to 9", result.err)
        # Canary: copied in the same way, but not changed, it is taken.
        duckdb_rows(f"COPY (SELECT * FROM '{manifest}') TO '{self.folder}/m.parquet' "
                    f"(FORMAT parquet, KV_METADATA {{{metadata}}})", None, self.folder)
        self.check(manifest="m.parquet")

    def test_without_a_signature_is_refused(self):
        self.tampered(name="m.parquet", source=self.folder / "c-manifest.parquet")
        self.assertIn("is no signed manifest", self.check(manifest="m.parquet", code=1).err)


class Pgp(SigningTestCase):
    def setUp(self):
        super().setUp()
        self.home = self.folder_for("gpg")
        self.home.chmod(0o700)
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", self.home, "--kill", "all"])
        (self.folder / "tmp").mkdir()
        for name, password in (("me", "s3kret"), ("other", "")):
            self.gpg("--passphrase", password, "--quick-gen-key", name, "ed25519", "sign", "never")
            secret = ["--output", f"{name}.key", "--export-secret-keys", name]
            self.gpg("--passphrase", password, *secret)
            self.gpg("--output", f"{name}.asc", "--export", name)
        (self.folder / "password").write_text("s3kret")
        self.env = {"TMPDIR": str(self.folder / "tmp")}

    def gpg(self, *args):
        return subprocess.run(
            ["gpg", "--homedir", self.home, "--batch", "--quiet", "--armor", "--pinentry-mode",
             "loopback", *map(str, args)], cwd=self.folder, check=True, capture_output=True).stdout

    def run_tool(self, name, *args, code=0, error=""):
        result = self.assertTool(tool(name, *args, env=self.env), code, error)
        # Not even after an error a key stays behind.
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])
        return result

    def sign(self, name, *flags, password="", **expected):
        return self.run_tool(
            "parquet-sign", "-signer-uri", f"pgp://?key-uri={self.folder}/{name}.key{password}",
            "-target-bucket-uri", self.folder, *flags, self.file, **expected)

    def verify(self, name, *flags, **expected):
        return self.run_tool("parquet-verify", "-verifier-uri",
                             f"pgp://?public-key-uri={self.folder}/{name}", *flags, self.file,
                             **expected)

    def test_signatures_are_those_of_gpg(self):
        small = self.tampered(rest="LIMIT 3", name="small.parquet")
        self.file = small
        self.sign("me", password=f"&key-password-uri=file://{self.folder}/password",
                  error="signed=3 verified=3")
        flags = ("-signatures", self.folder / "small-signatures.parquet")
        self.verify("small-signatures.pub", *flags, error="count=3 valid=3 invalid=0")
        self.verify("other.asc", *flags, code=5, error="valid=0 invalid=3 missing=0 errors=0")
        payload = self.assertTool(tool("parquet-emit", small)).out.splitlines()[0]
        (self.folder / "payload").write_text(payload)
        [[text]] = duckdb_rows(f"SELECT record_signature FROM '{flags[1]}' LIMIT 1", None,
                               self.folder)
        (self.folder / "payload.asc").write_text(text)
        self.gpg("--verify", "payload.asc", "payload")

    def test_signatures_by_gpg_are_valid(self):
        small = self.tampered(rest="LIMIT 1", name="small.parquet")
        self.file = small
        payload = self.assertTool(tool("parquet-emit", small)).out.splitlines()[0]
        (self.folder / "payload").write_text(payload)
        self.gpg("--local-user", "other", "--output", "sig", "--detach-sign", "payload")
        text = (self.folder / "sig").read_text()
        digest = hashlib.sha256(payload.encode()).hexdigest()
        self.tampered(f"provider, depiction_id, model, '{digest}' AS record_hash, "
                      f"'{text}' AS record_signature", name="s.parquet", source=small)
        self.verify("other.asc", "-signatures", self.folder / "s.parquet", error="valid=1")

    def test_a_manifest_needs_one_signature(self):
        self.sign("other", "-manifest")
        manifest = ("-manifest", self.folder / "c-manifest.parquet")
        self.verify("c-manifest.pub", *manifest, error="count=10 valid=10")
        self.verify("me.asc", *manifest, code=5, error="is not signed by this key")

    def test_wrong_keys_and_passwords_are_refused_and_not_shown(self):
        for password in ("", "&key-password-uri=constant%3A%2F%2F%3Fval%3Dn0tit"):
            result = self.sign("me", password=password, code=6, error="cannot sign")
            self.assertNotIn("n0tit", result.err)
        (self.folder / "none.key").write_text("no key")
        self.sign("none", code=1, error="URI option key-uri")
        self.assertFalse(list(self.folder.glob("c-signatures*")))


if __name__ == "__main__":
    main()
