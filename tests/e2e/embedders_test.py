#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records made of texts and pictures, and searches by them, with the tools and an embedder that is
a fake: what was added from a text is what is found by it."""

import urllib.request
import urllib.error

from harness import FakeEmbedder, TestCase, database_uri, main, record, tool

PNG = b"\x89PNG\r\n\x1a\n and more"
TOKEN = "s3kret-Token"


class Embedders(TestCase):
    def setUp(self):
        super().setUp()
        self.database = ["-database-uri", database_uri("sqlite", self.folder)]
        self.fake = FakeEmbedder(self.folder)
        self.addCleanup(self.fake.__exit__)
        self.clip = ["-embedder-uri", f"openclip://?client-uri={self.fake.address}"]
        (self.folder / "fish.png").write_bytes(PNG)
        (self.folder / "fish.txt").write_text("a red fish\n", encoding="ascii")

    def add_from(self, kind, data, depiction, *more, stdin="", code=0, error="INFO Added record "):
        return self.assertTool(
            tool("embeddingsdb-client", "add", *self.database, "-input", kind, "-data", data,
                 "-provider", "p", "-depiction-id", depiction, *(more or self.clip), stdin=stdin),
            code, error)

    def similar(self, *flags):
        return tool("embeddingsdb-client", "similar", *self.database, *flags)

    def found(self, *flags):
        return [(one["depiction_id"], one["similarity"])
                for one in self.assertTool(self.similar(*flags)).json()]

    def test_what_was_added_from_a_text_is_found_by_it(self):
        self.add_from("text", self.folder / "fish.txt", "fish", "-subject-id", "s",
                      "-attribute", "title=A red fish", *self.clip)
        self.add_from("text", "-", "boat", stdin="a blue boat\n")
        self.add_from("image", self.folder / "fish.png", "picture")

        nearest = self.found("-text", "a red fish", "-model", "fake/clip", *self.clip)
        self.assertEqual(nearest[0], ("fish", 0))
        self.assertEqual(len(nearest), 3)
        nearest = self.found("-image", self.folder / "fish.png", "-model", "fake/clip", *self.clip)
        self.assertEqual(nearest[0], ("picture", 0))

        key = ["-provider", "p", "-depiction-id", "fish", "-model", "fake/clip"]
        stored = tool("embeddingsdb-client", "record", *self.database, *key).json()
        self.assertEqual(stored["attributes"], {"title": "A red fish"})
        self.assertEqual(stored["subject_id"], "s")
        self.assertEqual(len(stored["embeddings"]), 3)
        self.assertGreater(stored["created"], 1_700_000_000)
        self.fake.finish()

    def test_text_is_searched_within_five_and_pictures_within_the_default(self):
        far = record(1, provider="p", model="fake/clip", dimension=3)
        far["embeddings"] = [3, 3, 0]
        self.assertTool(self.add([far], *self.database))
        by_text = ["-text", "a", "-model", "fake/clip", *self.clip]
        self.assertEqual(len(self.found(*by_text)), 1)
        self.assertEqual(self.found(*by_text, "-max-distance", "1"), [])
        self.assertEqual(self.found(*by_text, "-max-distance", "0"), [])
        result = self.similar("-image", self.folder / "fish.png", "-model", "fake/clip", *self.clip)
        self.assertEqual(result.json(), [])
        self.assertIn("No record is within the maximum distance", result.err)

    def test_all_kinds_of_services_and_a_route(self):
        services = {
            "llamafile://": "m", "siglip-client32://": "fake/clip",
            "mlxclip-client://": "fake/clip", "ollama://?model=x": "ollama/x",
            "encoderfile64://": "fake/encoder", "openai://?model=x": "x",
        }
        for number, (scheme, model) in enumerate(services.items()):
            separator = "&" if "?" in scheme else "?"
            uri = f"{scheme}{separator}client-uri={self.fake.address}"
            self.add_from("text", self.folder / "fish.txt", number, "-model", "m",
                          "-embeddings-client-uri", uri,
                          error=f"INFO Added record p-{number}-{model}")
        route = f"route://?client-uri=openai://?client-uri={self.fake.address}...x...y"
        self.assertEqual(self.found("-text", "a red fish", "-model", "x", "-embedder-uri", route),
                         [("5", 0)])
        self.assertTool(self.similar("-text", "a", "-model", "z", "-embedder-uri", route), 1,
                        'does not know the model "z"; known are x, y')
        self.fake.finish()

    def test_wrong_dimensions_and_wrong_models_are_said(self):
        self.assertTool(self.add([record(1, model="m")], *self.database))
        result = self.similar("-text", "a", "-model", "m", *self.clip)
        self.assertTool(result, 1, 'have 3 elements, but those of model "m" have 4')
        self.assertIn("model has another name than that of the records", result.err)

    def test_what_is_wrong_is_said_and_nothing_is_stored(self):
        text, picture = self.folder / "fish.txt", self.folder / "fish.png"
        self.add_from("image", text, "1", code=1, error="does not begin as a PNG")
        self.add_from("text", picture, "1", code=1, error="not valid UTF-8")
        self.add_from("text", "-", "1", code=1, error="the text is empty")
        self.add_from("text", self.folder / "none", "1", code=3, error="no file")
        self.add_from("text", text, "", code=2, error="depiction_id")
        self.add_from("text", text, "1", "-verbose", code=2, error="-embedder-uri is required")
        self.add_from("text", text, "1", *self.clip, "-embeddings-client-uri", "null://", code=2,
                      error="two names of one flag")
        self.add_from("text", text, "1", "-embedder-uri", "null://", code=1, error="embeddings")
        self.add_from("text", text, "1", "-embedder-uri", "siglip://x", code=1,
                      error='unknown embedder scheme "siglip"; known are')
        self.add_from("text", text, "1", "-embedder-uri",
                      f"llamafile://?client-uri={self.fake.address}", code=1, error="give -model")
        self.add_from("sound", text, "1", code=2, error="neither image nor text")
        for flags, error in (
            (["-record", text, "-input", "text"], "exclude each other"),
            (["-record", text, "-provider", "p"], "-provider belongs to -input"),
            (["-record", text, "more"], 'unexpected argument "more"'),
            (["-input", "text", *self.clip], "-data is required"),
        ):
            self.assertTool(tool("embeddingsdb-client", "add", *self.database, *flags), 2, error)
        for flags, error in (
            (["-text", "a"], "-embedder-uri is required"),
            (["-text", "", *self.clip], "-text is empty"),
            (["-text", "a", "-image", picture, *self.clip], "exclude each other"),
        ):
            self.assertTool(self.similar(*flags), 2, error)
        count = tool("embeddingsdb-client", "count", *self.database)
        self.assertEqual(count.out, "0\n", count)

    def test_a_file_after_the_flags_is_the_data(self):
        self.assertTool(
            tool("embeddingsdb-client", "add", *self.database, *self.clip, "-input", "image",
                 "-provider", "p", "-depiction-id", "1", self.folder / "fish.png"),
            0, "Added record p-1-fake/clip")

    def test_a_service_that_is_not_there_and_a_token_that_stays_secret(self):
        (self.folder / "token").write_text(TOKEN, encoding="ascii")
        self.fake.finish()
        uri = f"openai://?client-uri={self.fake.address}&token-uri=file://{self.folder}/token"
        result = self.similar("-text", "a", "-model", "m", "-embedder-uri", uri, "-verbose")
        self.assertNotEqual(result.code, 0, result)
        self.assertIn(f"openai at {self.fake.address}: ", result.err)
        self.assertNotIn(TOKEN, result.err)

    def test_the_fake_notices_wrong_requests(self):
        wrong = urllib.request.Request(f"{self.fake.address}/embeddings", b'{"text":"a"}',
                                       {"Content-Type": "application/json"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(wrong)
        caught.exception.close()
        with self.assertRaisesRegex(AssertionError, "not exactly content"):
            self.fake.finish()


if __name__ == "__main__":
    main()
