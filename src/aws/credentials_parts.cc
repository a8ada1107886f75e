// SPDX-License-Identifier: BSD-3-Clause
//
// The texts that credentials come in: INI files, JSON, XML, and times.
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "aws/credentials_sources.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// "[name]" or "[profile name]"; empty for any other section.
std::string SectionName(std::string_view line) {
  const std::size_t end = line.find(']');
  if (end == std::string_view::npos) {
    return {};
  }
  std::string_view name = Trim(line.substr(1, end - 1));
  if (name.starts_with("profile ") || name.starts_with("profile\t")) {
    name = Trim(name.substr(8));
  }
  return std::string(name);
}

std::string StringOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

AwsProfiles ParseAwsProfiles(std::string_view text) {
  AwsProfiles profiles;
  std::string section;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view whole = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::string_view line = Trim(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') {
      continue;
    }
    if (line.front() == '[') {
      section = SectionName(line);
      profiles.try_emplace(section);
      continue;
    }
    const std::size_t equals = line.find('=');
    // Indented lines belong to a setting with parts of its own, such as "s3 =".
    if (equals == std::string_view::npos || section.empty() || whole.front() == ' ' ||
        whole.front() == '\t') {
      continue;
    }
    profiles[section][AsciiLower(Trim(line.substr(0, equals)))] = Trim(line.substr(equals + 1));
  }
  return profiles;
}

Result<std::int64_t> ParseAwsTime(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  std::array<int, 6> numbers{};
  std::size_t part = 0;
  bool good = text.size() > kForm.size() && text.back() == 'Z' &&
              (text.size() == kForm.size() + 1 || text[kForm.size()] == '.');
  for (std::size_t i = 0; good && i < kForm.size(); ++i) {
    if (kForm[i] != '0') {
      good = text[i] == kForm[i];
      ++part;
    } else {
      good = text[i] >= '0' && text[i] <= '9';
      numbers[part] = numbers[part] * 10 + (text[i] - '0');
    }
  }
  const std::chrono::year_month_day day{std::chrono::year(numbers[0]),
                                        std::chrono::month(static_cast<unsigned>(numbers[1])),
                                        std::chrono::day(static_cast<unsigned>(numbers[2]))};
  if (!good || !day.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 60) {
    return InvalidArgumentError("a time that is not like 2026-01-02T03:04:05Z");
  }
  const auto seconds = std::chrono::sys_days(day).time_since_epoch() +
                       std::chrono::hours(numbers[3]) + std::chrono::minutes(numbers[4]) +
                       std::chrono::seconds(numbers[5]);
  return std::chrono::duration_cast<std::chrono::seconds>(seconds).count();
}

std::string_view TextOfXml(std::string_view xml, std::string_view name) {
  const std::string opening = Concat("<", name, ">");
  const std::size_t begin = xml.find(opening);
  if (begin == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = xml.substr(begin + opening.size());
  const std::size_t end = rest.find(Concat("</", name, ">"));
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

Result<FetchedCredentials> ParseCredentialsJson(std::string_view json) {
  const nlohmann::json object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) {
    return UnavailableError("the answer is no JSON object");
  }
  FetchedCredentials fetched;
  fetched.keys.access_key_id = StringOf(object, "AccessKeyId");
  fetched.keys.secret_access_key = StringOf(object, "SecretAccessKey");
  fetched.keys.session_token = StringOf(object, "Token");
  if (fetched.keys.access_key_id.empty() || fetched.keys.secret_access_key.empty()) {
    return UnauthenticatedError("the answer has no AccessKeyId or no SecretAccessKey");
  }
  if (const std::string expiration = StringOf(object, "Expiration"); !expiration.empty()) {
    EDB_ASSIGN(fetched.expires, ParseAwsTime(expiration));
  }
  return fetched;
}

}  // namespace embeddingsdb
