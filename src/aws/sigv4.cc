// SPDX-License-Identifier: BSD-3-Clause
#include "aws/sigv4.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/uri.h"

#include "core/hex.h"
#include "core/openssl_handles.h"
#include "core/secret.h"
#include "core/sha256.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
constexpr std::size_t kDateSize = 8;  // "20260102"

/// HMAC with SHA-256. HMAC() looks both up each time, which takes longer than what it does here.
class HmacSha256 {
 public:
  HmacSha256() {
    const MacPtr algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    context_.reset(algorithm == nullptr ? nullptr : EVP_MAC_CTX_new(algorithm.get()));
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    Check(context_ != nullptr && EVP_MAC_CTX_set_params(context_.get(), parameters.data()) == 1);
  }

  Digest Of(std::string_view key, std::string_view text) {
    Digest out;
    const auto bytes = [](std::string_view of) {
      return reinterpret_cast<const unsigned char*>(of.data());
    };
    Check(EVP_MAC_init(context_.get(), bytes(key), key.size(), nullptr) == 1 &&
          EVP_MAC_update(context_.get(), bytes(text), text.size()) == 1 &&
          EVP_MAC_final(context_.get(), out.bytes.data(), nullptr, out.bytes.size()) == 1);
    return out;
  }

 private:
  /// What can fail here is memory; going on with a wrong signature would be no better.
  static void Check(bool ok) {
    if (!ok) {
      std::abort();
    }
  }

  MacContextPtr context_;
};

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Without spaces around it, and with one for each run of them.
std::string CanonicalValue(std::string_view value) {
  std::string out;
  for (const char c : Trim(value)) {
    const char next = c == '\t' ? ' ' : c;
    if (next != ' ' || out.back() != ' ') {
      out += next;
    }
  }
  return out;
}

/// The value of a header, joined by commas when it comes more than once.
std::optional<std::string> HeaderValue(const HttpHeaders& headers, std::string_view name) {
  std::optional<std::string> out;
  for (const auto& [key, value] : headers) {
    if (AsciiLower(key) == name) {
      out = out ? Concat(*out, ",", CanonicalValue(value)) : CanonicalValue(value);
    }
  }
  return out;
}

/// The path as it is sent, without "//" and dots, each segment encoded once more.
std::string CanonicalPath(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == ".." && !segments.empty()) {
      segments.pop_back();
    } else if (!segment.empty() && segment != "." && segment != "..") {
      segments.push_back(segment);
    }
    begin = end + 1;
  }
  std::string out;
  for (const std::string_view segment : segments) {
    out += Concat("/", PercentEncode(segment));
  }
  return out.empty() || path.ends_with('/') ? Concat(out, "/") : out;
}

/// Escapes decoded; what is none stays. A '+' is a '+'.
std::string PercentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>((high * 16) + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

/// Parameters sorted by encoded name, then value, whatever their escapes looked like.
std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one.empty()) {
      continue;
    }
    const std::string_view name = one.substr(0, one.find('='));
    const std::string_view value = one.size() > name.size() ? one.substr(name.size() + 1) : "";
    parameters.emplace_back(PercentEncode(PercentDecode(name)),
                            PercentEncode(PercentDecode(value)));
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& [name, value] : parameters) {
    out += Concat(out.empty() ? "" : "&", name, "=", value);
  }
  return out;
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += Concat(out.empty() ? "" : ";", name);
  }
  return out;
}

std::string CanonicalRequest(const SigV4Request& request,
                             const std::vector<std::string>& signed_headers) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query =
      path.size() < target.size() ? target.substr(path.size() + 1) : std::string_view();
  std::string out = Concat(request.method, "\n", CanonicalPath(path), "\n", CanonicalQuery(query));
  out += "\n";
  for (const std::string& name : signed_headers) {
    out += Concat(name, ":", HeaderValue(request.headers, name).value_or(""), "\n");
  }
  out += Concat("\n", JoinNames(signed_headers), "\n", request.body_sha256);
  return out;
}

std::string ScopeText(std::string_view date, const SigV4Scope& scope) {
  return Concat(date, "/", scope.region, "/", scope.service, "/", kTerminator);
}

/// The part of a comma-separated header that begins with `name`, without it.
std::optional<std::string_view> Part(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::string_view part = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), part.size() + 1));
    const std::string_view trimmed = Trim(part);
    if (trimmed.starts_with(name)) {
      return trimmed.substr(name.size());
    }
  }
  return std::nullopt;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool Contains(const std::vector<std::string>& sorted, std::string_view name) {
  return std::ranges::binary_search(sorted, name);
}

/// True when nothing that belongs to the signature could be changed without breaking it.
bool SignsEnough(const HttpHeaders& headers, const std::vector<std::string>& signed_headers) {
  return Contains(signed_headers, "host") && Contains(signed_headers, "x-amz-date") &&
         std::ranges::all_of(headers, [&](const auto& header) {
           const std::string name = AsciiLower(header.first);
           return !name.starts_with("x-amz-") || Contains(signed_headers, name);
         });
}

}  // namespace

std::string FormatAmzDate(std::int64_t seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds time{chrono::seconds(seconds)};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count())));
  return text.data();
}

std::optional<std::int64_t> ParseAmzDate(std::string_view text) {
  constexpr std::size_t kSize = 16;
  if (text.size() != kSize || text[kDateSize] != 'T' || text.back() != 'Z') {
    return std::nullopt;
  }
  const auto number = [&](std::size_t begin, std::size_t size) {
    int value = -1;
    const char* const end = text.data() + begin + size;
    const auto [stop, error] = std::from_chars(text.data() + begin, end, value);
    return error == std::errc() && stop == end ? value : -1;
  };
  namespace chrono = std::chrono;
  const int month = number(4, 2);
  const int day = number(6, 2);
  const int hour = number(9, 2);
  const int minute = number(11, 2);
  const int second = number(13, 2);
  const chrono::year_month_day date(chrono::year(number(0, 4)),
                                    chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (number(0, 4) < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return std::nullopt;
  }
  const auto days = chrono::sys_days(date).time_since_epoch();
  return (chrono::duration_cast<chrono::seconds>(days) + chrono::hours(hour) +
          chrono::minutes(minute) + chrono::seconds(second))
      .count();
}

SigV4Steps ComputeSigV4(const SigV4Request& request, const std::vector<std::string>& signed_headers,
                        const AwsCredentials& credentials, const SigV4Scope& scope) {
  SigV4Steps steps;
  steps.canonical_request = CanonicalRequest(request, signed_headers);
  const std::string time = HeaderValue(request.headers, "x-amz-date").value_or("");
  const std::string date = time.substr(0, kDateSize);
  HmacSha256 hmac;
  steps.string_to_sign = Concat(kAlgorithm, "\n", time, "\n", ScopeText(date, scope), "\n",
                                Sha256Hex(steps.canonical_request));
  Digest key = hmac.Of(Concat("AWS4", credentials.secret_access_key), date);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), kTerminator}) {
    key = hmac.Of(BytesOf(key), part);
  }
  steps.signature = ToHex(hmac.Of(BytesOf(key), steps.string_to_sign));
  return steps;
}

HttpHeaders SignRequest(const SigV4Request& request, const AwsCredentials& credentials,
                        const SigV4Scope& scope, std::int64_t now_unix_seconds) {
  HttpHeaders added = {{"x-amz-date", FormatAmzDate(now_unix_seconds)}};
  if (!credentials.session_token.empty()) {
    added.emplace_back("x-amz-security-token", credentials.session_token);
  }
  SigV4Request whole = request;
  whole.headers.insert(whole.headers.end(), added.begin(), added.end());
  std::vector<std::string> names;
  for (const auto& [name, value] : whole.headers) {
    names.push_back(AsciiLower(name));
  }
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  const SigV4Steps steps = ComputeSigV4(whole, names, credentials, scope);
  const std::string date = added.front().second.substr(0, kDateSize);
  added.emplace_back("authorization", Concat(kAlgorithm, " Credential=", credentials.access_key_id,
                                             "/", ScopeText(date, scope), ", SignedHeaders=",
                                             JoinNames(names), ", Signature=", steps.signature));
  return added;
}

Result<SigV4Authorization> ParseAuthorization(std::string_view header) {
  if (!header.starts_with(kAlgorithm) || !header.substr(kAlgorithm.size()).starts_with(' ')) {
    return InvalidArgumentError(Concat("Authorization does not begin with ", kAlgorithm));
  }
  header.remove_prefix(kAlgorithm.size() + 1);
  const auto credential = Part(header, "Credential=");
  const auto signed_headers = Part(header, "SignedHeaders=");
  const auto signature = Part(header, "Signature=");
  if (!credential || !signed_headers || !signature) {
    return InvalidArgumentError(
        "Authorization needs Credential, SignedHeaders and Signature, separated by commas");
  }
  const std::vector<std::string> parts = Split(*credential, '/');
  constexpr std::size_t kParts = 5;
  if (parts.size() != kParts || parts[1].size() != kDateSize || parts[4] != kTerminator) {
    return InvalidArgumentError("Credential is not of the form KEY/YYYYMMDD/REGION/SERVICE/" +
                                std::string(kTerminator));
  }
  SigV4Authorization out{.access_key_id = parts[0],
                         .date = parts[1],
                         .scope = {.region = parts[2], .service = parts[3]},
                         .signed_headers = Split(*signed_headers, ';'),
                         .signature = std::string(*signature)};
  const auto unsorted = std::ranges::adjacent_find(
      out.signed_headers, [](const auto& a, const auto& b) { return a >= b; });
  if (unsorted != out.signed_headers.end() || out.signed_headers.front().empty()) {
    return InvalidArgumentError("SignedHeaders are not names in ascending order");
  }
  return out;
}

SigV4Verdict VerifySigV4(const SigV4Request& request, const AwsCredentials& credentials,
                         const SigV4Scope& scope, std::int64_t now_unix_seconds) {
  const auto header = HeaderValue(request.headers, "authorization");
  const std::string date = HeaderValue(request.headers, "x-amz-date").value_or("");
  const auto authorization = ParseAuthorization(header.value_or(""));
  const std::optional<std::int64_t> time = ParseAmzDate(date);
  if (!authorization.ok() || !time ||
      !SignsEnough(request.headers, authorization->signed_headers)) {
    return SigV4Verdict::kIncomplete;
  }
  if (std::abs(now_unix_seconds - *time) > kMaxS3ClockSkewSeconds) {
    return SigV4Verdict::kSkewed;
  }
  if (authorization->scope != scope || authorization->date != date.substr(0, kDateSize)) {
    return SigV4Verdict::kScope;
  }
  const std::string token = HeaderValue(request.headers, "x-amz-security-token").value_or("");
  if (authorization->access_key_id != credentials.access_key_id ||
      (!credentials.session_token.empty() &&
       !EqualsConstantTime(token, credentials.session_token))) {
    return SigV4Verdict::kUnknownKey;
  }
  // "UNSIGNED-PAYLOAD" is no hash of any body.
  const auto hash = HeaderValue(request.headers, "x-amz-content-sha256");
  if (hash && *hash != request.body_sha256) {
    return SigV4Verdict::kMismatch;
  }
  const SigV4Steps steps = ComputeSigV4(request, authorization->signed_headers, credentials, scope);
  return EqualsConstantTime(steps.signature, authorization->signature) ? SigV4Verdict::kGood
                                                                       : SigV4Verdict::kMismatch;
}

}  // namespace embeddingsdb
