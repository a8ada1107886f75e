// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/uri.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

Uri Parsed(std::string_view text) {
  Result<Uri> uri = Uri::Parse(text);
  EXPECT_TRUE(uri.ok()) << uri.status();
  return uri.ok() ? *uri : Uri();
}

std::string ParseError(std::string_view text) {
  const Result<Uri> uri = Uri::Parse(text);
  if (uri.ok()) {
    return "OK";
  }
  EXPECT_EQ(uri.status().code(), StatusCode::kInvalidArgument);
  return uri.status().message();
}

TEST(UriParse, TakesAUriApart) {
  const Uri uri = Parsed("GRPC://user:pw@Example.org:8081/a%20b+c?x=1&y=a+b%2Bc&x=2&flag");
  EXPECT_EQ(uri.scheme(), "grpc");
  EXPECT_EQ(uri.host(), "Example.org");
  EXPECT_EQ(uri.port(), 8081);
  EXPECT_EQ(uri.path(), "/a b+c");
  EXPECT_THAT(uri.options(),
              ElementsAre(Pair("x", "1"), Pair("y", "a b+c"), Pair("x", "2"), Pair("flag", "")));
}

TEST(UriParse, ReadsTheFormsOfEveryEngine) {
  EXPECT_EQ(Parsed("memory://").host(), "");
  EXPECT_EQ(Parsed("null://").FilePath(), "");
  EXPECT_EQ(Parsed("sqlite://?dsn=/srv/collection.db").Option("dsn"), "/srv/collection.db");
  EXPECT_EQ(Parsed("sqlite://?dsn=:memory:").Option("dsn"), ":memory:");
  EXPECT_EQ(Parsed("s3vectors://my_bucket.name?region=us-west-2").host(), "my_bucket.name");
  EXPECT_EQ(Parsed("duckdb:///srv/db?dimensions=512").path(), "/srv/db");
  const Uri server =
      Parsed("grpc://localhost:8081?database-uri={database}&token-uri=constant%3A%2F%2F%3Fval%3Dx");
  EXPECT_EQ(server.Option("database-uri"), "{database}");
  EXPECT_EQ(server.Option("token-uri"), "constant://?val=x");
}

TEST(UriParse, KeepsANestedUriWholeUpToItsAmpersand) {
  const Uri uri = Parsed("grpc://h?database-uri=duckdb:///d?dimensions=4&x=y=z");
  EXPECT_EQ(uri.Option("database-uri"), "duckdb:///d?dimensions=4");
  EXPECT_EQ(uri.Option("x"), "y=z");
}

TEST(UriParse, ReadsIpv6Hosts) {
  EXPECT_EQ(Parsed("grpc://[::1]:8081").host(), "::1");
  EXPECT_EQ(Parsed("grpc://[::1]:8081").port(), 8081);
  EXPECT_EQ(Parsed("grpc://[2001:DB8::192.0.2.1]/x").host(), "2001:DB8::192.0.2.1");
  EXPECT_EQ(Parsed("grpc://[fe80::1%25eth0]").host(), "fe80::1%eth0");
}

TEST(UriParse, ReadsPorts) {
  EXPECT_EQ(Parsed("grpc://h:0").port(), 0);
  EXPECT_EQ(Parsed("grpc://h:65535").port(), 65535);
  EXPECT_EQ(Parsed("grpc://h:").port(), std::nullopt);
  EXPECT_EQ(Parsed("grpc://:8081").port(), 8081);
  EXPECT_EQ(Parsed("grpc://:8081").host(), "");
}

TEST(UriParse, IgnoresEmptyOptions) {
  EXPECT_THAT(Parsed("x://h?&a=1&&b=&").options(), ElementsAre(Pair("a", "1"), Pair("b", "")));
  EXPECT_TRUE(Parsed("x://h?").options().empty());
}

struct BadUri {
  std::string text;
  std::string what;  // the end of the message
};

TEST(UriParse, SaysWhatIsWrong) {
  const std::string escape = "has a bad percent escape";
  const std::string port = "has a port that is not a number from 0 to 65535";
  const std::string control = "holds a control character";
  const std::string scheme = "has no valid scheme, as in scheme://host/path";
  for (const BadUri& bad : std::initializer_list<BadUri>{
           {"", "has no scheme, as in scheme://host/path"},
           {"/tmp/file", "has no scheme, as in scheme://host/path"},
           {"duckdb:/tmp", "has no scheme, as in scheme://host/path"},
           {"://h", scheme},
           {"1x://h", scheme},
           {"a b://h", scheme},
           {"x?y=z://h", scheme},
           {"grpc://h:65536", port},
           {"grpc://h:-1", port},
           {"grpc://h:8o81", port},
           {"grpc://h:99999999999999999999", port},
           {"grpc://[::1]:x", port},
           {"grpc://::1", port},
           {"x://h/%", escape},
           {"x://h/%2", escape},
           {"x://h/%zz", escape},
           {"x://h?a=%g0", escape},
           {"x://h?%=1", escape},
           {"x://%h", escape},
           {"x://h\n", control},
           {"x://h/\x7f", control},
           {"x://h/%00", control},
           {"x://h?a=%0a", control},
           {"x://h/%ff", "is not valid UTF-8"},
           {"x://h?a=\xc3", "is not valid UTF-8"},
           {"x://\xff", "is not valid UTF-8"},
           {"x://h/a#b", "holds a '#', which must be written %23"},
           {"x://h?a=#", "holds a '#', which must be written %23"},
           {"x://a b/c", "has a character in its host that must be percent-encoded"},
           {"x://{h}", "has a character in its host that must be percent-encoded"},
           {"x://a b@h", "has a character in its user info that must be percent-encoded"},
           {"x://[::1", "has a '[' without ']' in its host"},
           {"x://[h]", "has no IPv6 address between the brackets of its host"},
           {"x://[]", "has no IPv6 address between the brackets of its host"},
           {"x://[::1%52eth0]", "has a zone in its host that does not begin with %25"},
           {"x://[::1%]", "has a zone in its host that does not begin with %25"},
           {"x://[::1]x", "has text between its host and its port"},
           {"x://a%3Ab", "has an escaped ':' in its host"},
       }) {
    EXPECT_THAT(ParseError(bad.text), EndsWith(bad.what)) << bad.text;
  }
}

TEST(UriParse, LimitsTheLength) {
  const std::string at = "x://" + std::string(kMaxUriBytes - 4, 'h');
  EXPECT_TRUE(Uri::Parse(at).ok());
  EXPECT_EQ(ParseError(at + "h"), "URI is 8193 bytes long, the limit is 8192");
}

TEST(UriParse, ShowsTheTextWithoutItsSecrets) {
  EXPECT_EQ(ParseError("grpc://h:x?token-uri=s3kret"),
            "URI \"grpc://h:***?token-uri=***\" has a port that is not a number from 0 to 65535");
}

TEST(UriFilePath, PutsRelativePathsTogether) {
  EXPECT_EQ(Parsed("duckdb:///a/b").FilePath(), "/a/b");
  EXPECT_EQ(Parsed("duckdb://a/b.c").FilePath(), "a/b.c");
  EXPECT_EQ(Parsed("duckdb://a").FilePath(), "a");
  EXPECT_EQ(Parsed("duckdb://./a").FilePath(), "./a");
  EXPECT_EQ(Parsed("duckdb://../a%20b").FilePath(), "../a b");
  EXPECT_EQ(Parsed("duckdb://a%20b/c").FilePath(), "a b/c");
  EXPECT_EQ(Parsed("duckdb://").FilePath(), "");
  EXPECT_EQ(Parsed("duckdb://a@b:80/c").FilePath(), "a@b:80/c");
}

TEST(UriOption, GivesTheFirstOfANameOrAll) {
  const Uri uri = Parsed("x://?a=1&b=2&a=3");
  EXPECT_EQ(uri.Option("a"), "1");
  EXPECT_EQ(uri.Option("c"), std::nullopt);
  EXPECT_THAT(uri.Options("a"), ElementsAre("1", "3"));
  EXPECT_TRUE(uri.Options("c").empty());
}

TEST(UriOption, ReadsWholeNumbersInARange) {
  const auto read = [](const std::string& value) {
    return Parsed("x://?n=" + value).IntOption("n", 7, 1, 100);
  };
  EXPECT_EQ(Parsed("x://").IntOption("n", 7, 1, 100).value(), 7);
  EXPECT_EQ(read("1").value(), 1);
  EXPECT_EQ(read("100").value(), 100);
  EXPECT_EQ(read("%2B5").value(), 5);
  for (const char* bad : {"", "0", "101", "-1", "1.0", "1e1", "0x5", "5 ", "%205", "five", "%2B-5",
                          "99999999999999999999"}) {
    EXPECT_FALSE(read(bad).ok()) << bad;
  }
  EXPECT_EQ(
      read("101").status(),
      InvalidArgumentError(R"(URI option n is "101", it must be a whole number from 1 to 100)"));
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(Parsed("x://?n=9223372036854775807").IntOption("n", 0, -kMost, kMost).value(), kMost);
}

TEST(UriOption, ReadsNumbers) {
  EXPECT_EQ(Parsed("x://?d=0.5").FloatOption("d", 1).value(), 0.5);
  EXPECT_EQ(Parsed("x://?d=-1e-3").FloatOption("d", 1).value(), -0.001);
  EXPECT_EQ(Parsed("x://?d=inf").FloatOption("d", 1).value(),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(Parsed("x://").FloatOption("d", 1).value(), 1.0);
  for (const char* bad : {"", "nan", "1,5", "1.5x", "0x10p", "1e999"}) {
    EXPECT_FALSE(Parsed(Concat("x://?d=", bad)).FloatOption("d", 1).ok()) << bad;
  }
  EXPECT_EQ(Parsed("x://?d=one").FloatOption("d", 1).status().message(),
            R"(URI option d is "one", it must be a number)");
}

TEST(UriOption, ReadsBooleans) {
  for (const char* yes : {"1", "t", "T", "true", "True", "TRUE"}) {
    EXPECT_TRUE(Parsed(Concat("x://?b=", yes)).BoolOption("b", false).value());
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE"}) {
    EXPECT_FALSE(Parsed(Concat("x://?b=", no)).BoolOption("b", true).value());
  }
  EXPECT_TRUE(Parsed("x://").BoolOption("b", true).value());
  EXPECT_EQ(Parsed("x://?b=yes").BoolOption("b", true).status().message(),
            R"(URI option b is "yes", it must be true or false)");
  EXPECT_FALSE(Parsed("x://?b").BoolOption("b", true).ok());
}

TEST(UriOption, ReadsChoices) {
  constexpr auto kAllowed = std::to_array<std::string_view>({"auto", "exact", "hnsw"});
  EXPECT_EQ(Parsed("x://?i=hnsw").EnumOption("i", kAllowed, 0).value(), 2U);
  EXPECT_EQ(Parsed("x://").EnumOption("i", kAllowed, 1).value(), 1U);
  EXPECT_EQ(Parsed("x://?i=HNSW").EnumOption("i", kAllowed, 0).status().message(),
            R"(URI option i is "HNSW", it must be one of auto, exact, hnsw)");
}

TEST(UriOption, DoesNotShowASecretInAnError) {
  EXPECT_EQ(Parsed("x://?token-uri=s3kret").IntOption("token-uri", 0, 0, 1).status().message(),
            "URI option token-uri is ***, it must be a whole number from 0 to 1");
}

TEST(UriCheckOptions, NamesTheNearestKnownOption) {
  constexpr auto kKnown =
      std::to_array<std::string_view>({"dimensions", "max-distance", "max-results"});
  EXPECT_TRUE(Parsed("x://?max-results=1&dimensions=2").CheckOptions(kKnown).ok());
  EXPECT_TRUE(Parsed("x://").CheckOptions({}).ok());
  EXPECT_EQ(
      Parsed("x://?max-result=1").CheckOptions(kKnown),
      InvalidArgumentError(R"(x:// has no URI option "max-result", did you mean max-results?)"));
  EXPECT_EQ(Parsed("x://?colour=1").CheckOptions(kKnown).message(),
            "x:// has no URI option \"colour\", the known ones are dimensions, max-distance, "
            "max-results");
  EXPECT_EQ(Parsed("x://?a").CheckOptions({}).message(),
            R"(x:// has no URI option "a", there are none)");
}

TEST(UriCheckOptions, RefusesARepeatedOptionByName) {
  constexpr auto kKnown = std::to_array<std::string_view>({"index", "database"});
  constexpr auto kRepeatable = std::to_array<std::string_view>({"database"});
  const Uri uri = Parsed("x://?index=exact&database=a&database=b&index=hnsw");
  EXPECT_EQ(uri.CheckOptions(kKnown, kRepeatable),
            InvalidArgumentError("x:// has the URI option index 2 times, the limit is 1"));
  EXPECT_EQ(uri.CheckOptions(kKnown).message(),
            "x:// has the URI option index 2 times, the limit is 1");
  const Uri repeated = Parsed("x://?index=exact&database=a&database=a&database=b");
  EXPECT_TRUE(repeated.CheckOptions(kKnown, kRepeatable).ok());
  EXPECT_EQ(repeated.CheckOptions(kKnown).message(),
            "x:// has the URI option database 3 times, the limit is 1");
  // Also when the value is the same: whoever wrote it twice meant something by it.
  EXPECT_FALSE(Parsed("x://?index=exact&index=exact").CheckOptions(kKnown).ok());
}

TEST(NearestName, FindsLikelyMisspellings) {
  constexpr auto kKnown = std::to_array<std::string_view>({"dsn", "dimensions", "read-only"});
  EXPECT_EQ(NearestName("dxx", kKnown), "");  // two changes of three letters are another word
  EXPECT_EQ(NearestName("dsm", kKnown), "dsn");
  EXPECT_EQ(NearestName("dimension", kKnown), "dimensions");
  EXPECT_EQ(NearestName("dimentions", kKnown), "dimensions");
  EXPECT_EQ(NearestName("readonly", kKnown), "read-only");
  EXPECT_EQ(NearestName("read_only", kKnown), "read-only");
  EXPECT_EQ(NearestName("colour", kKnown), "");
  EXPECT_EQ(NearestName("", kKnown), "");
  EXPECT_EQ(NearestName(std::string(5'000, 'd'), kKnown), "");
}

TEST(NearestName, CountsTwoExchangedNeighboursAsOneSlip) {
  constexpr auto kKnown =
      std::to_array<std::string_view>({"dsn", "model", "format", "max-results", "on-duplicate"});
  EXPECT_EQ(NearestName("dns", kKnown), "dsn");
  EXPECT_EQ(NearestName("sdn", kKnown), "dsn");
  EXPECT_EQ(NearestName("modle", kKnown), "model");
  EXPECT_EQ(NearestName("omdel", kKnown), "model");
  EXPECT_EQ(NearestName("fromat", kKnown), "format");
  EXPECT_EQ(NearestName("max-resluts", kKnown), "max-results");
  EXPECT_EQ(NearestName("no-dulpicaet", kKnown), "on-duplicate");  // three of them
  // Letters further apart, and neighbours exchanged and changed, are two slips.
  EXPECT_EQ(NearestName("nsd", kKnown), "");
  EXPECT_EQ(NearestName("ledom", kKnown), "");
  EXPECT_EQ(NearestName("modxle", kKnown), "model");
  EXPECT_EQ(NearestName("odxel", kKnown), "");
}

TEST(UriSetOption, ReplacesAllOfANameAndAddOptionAddsOne) {
  Uri uri = Parsed("x://?a=1&b=2&a=3");
  uri.SetOption("a", "4");
  EXPECT_THAT(uri.options(), ElementsAre(Pair("a", "4"), Pair("b", "2")));
  uri.SetOption("c", "5");
  uri.AddOption("b", "6");
  EXPECT_EQ(uri.Serialize(), "x://?a=4&b=2&c=5&b=6");
}

TEST(UriSerialize, WritesWhatParsesToTheSame) {
  for (const char* text :
       {"memory://", "grpc://u:p%40@h:81/a%3Fb%23c/d?x=a%26b%3Dc%25%2B+&y=caf%C3%A9&z=",
        "grpc://[fe80::1%25eth0]:1/p?n", "x://caf\xc3\xa9/\xe6\xbc\xa2?\xc3\xa9=\xc3\xa9",
        "x://a%20b/c d?%3D%26=1&database-uri=postgres://u:p@h/d?x=1", "x://:5?a=%22'<>{}|"}) {
    const Uri uri = Parsed(text);
    EXPECT_EQ(Parsed(uri.Serialize()), uri) << uri.Serialize();
  }
}

TEST(UriSerialize, EscapesOptionsOnce) {
  Uri uri = Parsed("grpc://localhost:8081");
  uri.SetOption("database-uri", "duckdb:///srv/a b?dimensions=4&x=%");
  EXPECT_EQ(uri.Serialize(),
            "grpc://localhost:8081?database-uri="
            "duckdb%3A%2F%2F%2Fsrv%2Fa%20b%3Fdimensions%3D4%26x%3D%25");
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(PercentEncode("a b/?&=+%\xc3\xa9"), "a%20b%2F%3F%26%3D%2B%25%C3%A9");
}

TEST(UriRedacted, HidesSecretsAndShowsTheRest) {
  EXPECT_EQ(Parsed("duckdb:///srv/a%20b?dimensions=4").Redacted(),
            "duckdb:///srv/a%20b?dimensions=4");
  EXPECT_EQ(Parsed("postgres://user:s3kret@h:1/db").Redacted(), "postgres://user:***@h:1/db");
  EXPECT_EQ(Parsed("https://s3kret@h/").Redacted(), "https://***@h/");
  EXPECT_EQ(Parsed("grpc://h?token-uri=constant%3A%2F%2F%3Fval%3Ds3kret&tls-key=/etc/k").Redacted(),
            "grpc://h?token-uri=***&tls-key=/etc/k");
  for (const char* name :
       {"token-uri", "token", "credentials", "password", "key-uri", "key-password-uri",
        "signer-uri", "secret", "Token-URI", "session_token", "secret-access-key"}) {
    EXPECT_EQ(Parsed(Concat("x://h?", name, "=s3kret")).Redacted(), Concat("x://h?", name, "=***"));
  }
  EXPECT_EQ(Parsed("constant://?val=s3kret&envvar=NAME").Redacted(),
            "constant://?val=***&envvar=NAME");
  EXPECT_EQ(Parsed("x://?val=5&token=").Redacted(), "x://?val=5&token=");
}

TEST(UriRedacted, HidesSecretsInsideNestedUris) {
  EXPECT_EQ(Parsed("grpc://h?database-uri=postgres%3A%2F%2Fuser%3As3kret%40h%2Fdb%3Fpassword%3D"
                   "s3kret%26x%3D1")
                .Redacted(),
            "grpc://h?database-uri=postgres://user:***@h/db?password=***%26x=1");
  Uri uri = Parsed("x://?secret=s3kret");
  for (int i = 0; i < 12; ++i) {
    Uri outer = Parsed("multi://");
    outer.SetOption("database-uri", uri.Serialize());
    uri = outer;
  }
  EXPECT_THAT(uri.Redacted(), Not(HasSubstr("s3kret")));
}

TEST(UriRedacted, CanBeParsedAgainAndStaysTheSame) {
  for (const char* text :
       {"grpc://u:p@h:81/a%3Fb%23c/d%25?x=a%26b%3Dc%25%2B+&token=y",
        "grpc://[fe80::1%25eth0]:1?a%3Db=1&database-uri=constant%3A%2F%2F%3Fval%3D%2525%26c%3Dd"}) {
    const std::string redacted = Parsed(text).Redacted();
    EXPECT_EQ(Parsed(redacted).Redacted(), redacted);
  }
}

TEST(RedactUri, HidesSecretsOfTextsThatDoNotParse) {
  EXPECT_EQ(RedactUri("s3kret"), "***");
  EXPECT_EQ(RedactUri(""), "***");
  EXPECT_EQ(RedactUri("grpc://h:1?token=s3kret"), "grpc://h:1?token=***");
  EXPECT_EQ(RedactUri("grpc://h:port?a=1&token=s3kret%zz&b=%"), "grpc://h:***?a=1&token=***&b=***");
  EXPECT_EQ(RedactUri("postgres://user:pa/s3kret@h/db"), "postgres://***@h/db");
  EXPECT_EQ(RedactUri("postgres://user:pa?s3kret@h:p/db"), "postgres://***@***");
  EXPECT_EQ(RedactUri("x://h?token=a#s3kret"), "x://h?token=***#***");
  EXPECT_EQ(RedactUri("x://h:p?token=a&s3kret"), "x://h:***?token=***&***");
  EXPECT_EQ(RedactUri("x://h:p?user=a@b&token=s3kret"), "x://***@***&token=***");
  EXPECT_EQ(RedactUri("postgres://user:pa?x@h/db?key-uri=s3kret#"),
            "postgres://***@***?key-uri=***#***");
  EXPECT_EQ(RedactUri("postgres://user:s3kret"), "postgres://user:***");
  EXPECT_EQ(RedactUri("postgres://user:s3/kret"), "postgres://user:***");
  EXPECT_EQ(RedactUri("x://[::1]:80/a?b=%"), "x://[::1]:80/a?b=***");
  EXPECT_EQ(RedactUri("s3kret s3kret://h"), "***");
  EXPECT_EQ(RedactUri("x://" + std::string(kMaxUriBytes, 's')), "***");
}

TEST(RedactUri, NeverShowsASecretHoweverTheTextIsDamaged) {
  const std::string whole =
      "grpc://host:81/path?token-uri=constant%3A%2F%2F%3Fval%3DS3KRET&"
      "database-uri=postgres%3A%2F%2Fuser%3AS3KRET%40host%2Fdb&x=1";
  std::mt19937 random(11);  // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable on purpose
  constexpr std::string_view kNoise = "%#[]@ /?&:\x01\xff{}^|";
  // Noise within the name of a secret makes it another option; anywhere else it must not matter.
  std::vector<std::size_t> places;
  for (std::size_t i = 4; i <= whole.size(); ++i) {
    const bool at_end = i == whole.size() || whole[i] == '&' || whole[i - 1] == '&';
    if (i <= whole.find("token-uri") || at_end) {
      places.push_back(i);
    }
  }
  for (int i = 0; i < 3'000; ++i) {
    std::string text = whole;
    std::array<std::size_t, 2> chosen = {places[random() % places.size()],
                                         places[random() % places.size()]};
    std::sort(chosen.rbegin(), chosen.rend());
    for (const std::size_t place : chosen) {
      text.insert(place, 1, kNoise[random() % kNoise.size()]);
    }
    ASSERT_EQ(RedactUri(text).find("S3KRET"), std::string::npos) << text;
    ASSERT_EQ(ParseError(text).find("S3KRET"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace embeddingsdb
