// SPDX-License-Identifier: BSD-3-Clause
#include "core/uri_format.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace embeddingsdb {
namespace {

TEST(UriFormat, TakesWhatRfc3986Takes) {
  for (const std::string_view uri : {
           "https://example.org",
           "HTTPS://EXAMPLE.ORG/",
           "https://example.org/a/b;c=1?q=a+b&c=%C3%A9/?#part/?",
           "https://user:pass@example.org:8080/",
           "https://example.org:/",
           "https://[2001:db8::1]:443/x",
           "https://[fe80::1%25eth0]/",
           "http://[v1.a:b]/",
           "http://a%20b/",
           "ftp://ftp.example.org/file",
           "file:///srv/a",
           "file:/srv/a",
           "urn:isbn:0451450523",
           "x-sfomuseum:object:1762905433",
           "mailto:a@example.org?subject=x",
           "data:,",
           "data:image/png;base64,iVBORw0KGgo+/==",
           "a:",
           "a+b-c.1:x",
           "tag:example.org,2026:x",
       }) {
    EXPECT_EQ(UriFault(uri), "") << uri;
  }
}

TEST(UriFormat, SaysWhyATextIsNone) {
  const std::string no_scheme = "has no scheme, as in https://example.org/";
  const std::string encode = ", which must be percent-encoded there";
  struct Case {
    std::string_view text;
    std::string fault;
  };
  for (const Case& one : {
           Case{"", no_scheme},
           Case{"example.org", no_scheme},
           Case{"/objects/1", no_scheme},
           Case{"://x", no_scheme},
           Case{"1a:x", no_scheme},
           Case{"a_b:x", no_scheme},
           Case{"Red Fishes: a study", no_scheme},
           Case{"#a:b", no_scheme},
           Case{"http:", "has no host"},
           Case{"http:/a", "has no host"},
           Case{"https:///a", "has no host"},
           Case{"https://:80/", "has no host"},
           Case{"https://user@/", "has no host"},
           Case{"https://h/a b", "holds \" \"" + encode},
           Case{"https://h/caf\xC3\xA9", "holds \"\xC3\xA9\"" + encode},
           Case{"https://h/\xFF", R"(holds "\xff")" + encode},
           Case{"https://h/a\nb", R"(holds "\n")" + encode},
           Case{"https://h/[a]", "holds \"[\"" + encode},
           Case{"https://h/?a|b", "holds \"|\"" + encode},
           Case{"https://h/#a#b", "holds \"#\"" + encode},
           Case{"https://h\\x/", R"(holds "\\")" + encode},
           Case{"https://u<@h/", "holds \"<\"" + encode},
           Case{"https://a@b@h/", "holds \"@\"" + encode},
           Case{"urn:a b", "holds \" \"" + encode},
           Case{"urn:%", R"(has the bad percent escape "%")"},
           Case{"urn:%4", R"(has the bad percent escape "%4")"},
           Case{"urn:%zz9", R"(has the bad percent escape "%zz")"},
           Case{"urn:?%4g", R"(has the bad percent escape "%4g")"},
           Case{"https://[::1/", "has a '[' without ']' in its host"},
           Case{"https://[]/", "has no address between the brackets of its host"},
           Case{"https://[1.2.3.4]/", "has no address between the brackets of its host"},
           Case{"https://[::1]x/", R"(has "x" after its host, which is no port)"},
           Case{"https://h:8a/", R"(has ":8a" after its host, which is no port)"},
           Case{"https://h:1:2/", R"(has ":1:2" after its host, which is no port)"},
       }) {
    EXPECT_EQ(UriFault(one.text), one.fault) << one.text;
  }
}

}  // namespace
}  // namespace embeddingsdb
