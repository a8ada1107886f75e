// SPDX-License-Identifier: BSD-3-Clause
//
// URIs: what is parsed is written so that it parses to the same, and a secret that is put where
// secrets belong is not to be seen, however the text around it is damaged. The input is what stands
// around the secret: lines that come before it, between and after it.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/uri.h"

#include "fuzz/fuzz.h"

namespace embeddingsdb::fuzz {
namespace {

constexpr std::string_view kSecret = "S3KRET";
constexpr int kLevels = 3;  // uri_test goes deeper

/// The next line of the input, which it is taken from.
std::string_view TakeLine(std::string_view& input) {
  const std::string_view line = input.substr(0, input.find('\n'));
  input.remove_prefix(std::min(line.size() + 1, input.size()));
  return line;
}

void RequireHidden(std::string_view shown, std::string_view of) {
  Require(shown.find(kSecret) == std::string_view::npos, "a secret is hidden", of);
}

/// Wherever the text is shown.
void RequireHiddenIn(const std::string& text) {
  RequireHidden(kCanary ? text : RedactUri(text), text);
  const Result<Uri> uri = Uri::Parse(text);
  RequireHidden(uri.ok() ? uri->Redacted() : uri.status().message(), text);
}

/// Also when it is the value of an option in another URI, and that in another one.
void RequireHiddenAtAllLevels(std::string text) {
  for (int level = 0; level < kLevels && text.size() <= kMaxUriBytes; ++level) {
    RequireHiddenIn(text);
    RequireHiddenIn(Concat("multi://h:port?database-uri=", PercentEncode(text)));
    text = Concat("multi://?database-uri=", PercentEncode(text));
  }
}

void RoundTrip(std::string_view text) {
  const Result<Uri> uri = Uri::Parse(text);
  if (!uri.ok()) {
    return;
  }
  const std::string written = uri->Serialize();
  if (written.size() <= kMaxUriBytes) {  // escapes take more room
    const Result<Uri> again = Uri::Parse(written);
    Require(again.ok() && *again == *uri, "a URI that was written is read as it was", written);
  }
  for (const std::string_view name : {"token-uri", "API_KEY", "x-amz-credential"}) {
    Uri planted = *uri;
    planted.AddOption(name, kSecret);
    RequireHidden(planted.Redacted(), text);
    RequireHidden(planted.IntOption(name, 0, 0, 1).status().message() + planted.Redacted(), text);
  }
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = embeddingsdb::fuzz;
  using embeddingsdb::Concat;
  std::string_view input = fuzz::Text(data, size);
  if (input.find(fuzz::kSecret) != std::string_view::npos ||
      input.size() > embeddingsdb::kMaxUriBytes) {
    return 0;  // a secret of the input may stand where it is none; what is too long is not read
  }
  fuzz::RoundTrip(input);
  const std::string_view before = fuzz::TakeLine(input);
  const std::string_view between = fuzz::TakeLine(input);
  const std::string_view after = input;

  // A '/', '?' or '#' in the user's name ends the authority: what follows is no password then.
  if (before.find_first_of("/?#") == std::string_view::npos) {
    fuzz::RequireHiddenAtAllLevels(
        Concat("postgres://", before, ":", fuzz::kSecret, between, "@", after));
  }
  // Without a '?' of its own the first one begins the query.
  if (before.find('?') == std::string_view::npos) {
    fuzz::RequireHiddenAtAllLevels(
        Concat("grpc://", before, "?", between, "&token-uri=", fuzz::kSecret, after));
  }
  return 0;
}
