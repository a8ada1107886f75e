// SPDX-License-Identifier: BSD-3-Clause
#include "cli/download.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <curl/curl.h>
#include <system_error>
#include <unistd.h>

#include "core/curl_handles.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr long kMaxRedirects = 5;
constexpr long kStallBytesPerSecond = 1'024;

bool HasPrefixIgnoringCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

std::string ErrnoText() {
  return std::generic_category().message(errno);
}

// Where the body goes, and why it stopped going there.
struct Sink {
  int descriptor = -1;
  std::int64_t room = 0;
  Status status;
};

std::size_t WriteToFile(char* data, std::size_t, std::size_t size, void* user) {
  Sink& sink = *static_cast<Sink*>(user);
  if (static_cast<std::int64_t>(size) > sink.room) {
    sink.status = ResourceExhaustedError("it is longer than the limit of a download");
    return 0;
  }
  sink.room -= static_cast<std::int64_t>(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t written = ::write(sink.descriptor, data + done, size - done);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      sink.status = ResourceExhaustedError(Concat("cannot store it: ", ErrnoText()));
      return 0;
    }
    done += static_cast<std::size_t>(written);
  }
  return size;
}

Status StatusOfResponse(long http_status) {
  const std::string message = Concat("the server answered with HTTP status ", http_status);
  if (http_status == 404 || http_status == 410) {
    return NotFoundError(message);
  }
  if (http_status == 401 || http_status == 403) {
    return PermissionDeniedError(message);
  }
  if (http_status == 429 || http_status >= 500) {
    return UnavailableError(message);
  }
  return UnknownError(message);
}

Status StatusOfTransfer(CURL* curl, CURLcode code, const Sink& sink) {
  if (!sink.status.ok()) {
    return sink.status;
  }
  long http_status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
  switch (code) {
    case CURLE_OK:
      return {};
    case CURLE_HTTP_RETURNED_ERROR:
      return StatusOfResponse(http_status);
    case CURLE_FILESIZE_EXCEEDED:
      return ResourceExhaustedError("it is longer than the limit of a download");
    case CURLE_URL_MALFORMAT:
      return InvalidArgumentError("the URL is malformed");
    case CURLE_UNSUPPORTED_PROTOCOL:
      return PermissionDeniedError("it redirects to something that is not allowed to be followed");
    case CURLE_TOO_MANY_REDIRECTS:
      return UnavailableError(Concat("it redirects more than ", kMaxRedirects, " times"));
    case CURLE_PEER_FAILED_VERIFICATION:
      return PermissionDeniedError("the server's certificate is not trusted");
    default:
      return UnavailableError(curl_easy_strerror(code));
  }
}

void SetOptions(CURL* curl, const std::string& url, const DownloadOptions& options, Sink& sink) {
  const bool secure = HasPrefixIgnoringCase(url, "https://");
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_seconds));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_seconds));
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options.max_bytes));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "embeddingsdb");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &WriteToFile);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
}

}  // namespace

bool IsUrl(std::string_view input) {
  return HasPrefixIgnoringCase(input, "http://") || HasPrefixIgnoringCase(input, "https://");
}

std::string DisplayInput(std::string_view input) {
  if (!IsUrl(input)) {
    return std::string(input);
  }
  std::string shown(input.substr(0, input.find_first_of("?#")));
  const auto authority = shown.find("://") + 3;
  const auto end = shown.find('/', authority);
  const auto at = shown.rfind('@', end);
  if (at != std::string::npos && at >= authority) {
    shown.erase(authority, at + 1 - authority);
  }
  return shown;
}

Result<TemporaryFile> TemporaryFile::Create() {
  const char* directory = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  std::string path = Concat(directory != nullptr && *directory != '\0' ? directory : "/tmp",
                            "/embeddingsdb-XXXXXX");
  const int descriptor = ::mkstemp(path.data());
  if (descriptor < 0) {
    return PermissionDeniedError(
        Concat("cannot create a temporary file ", Quote(path), ": ", ErrnoText()));
  }
  // Without its name it goes when the process does, however that ends.
  ::unlink(path.c_str());
  return TemporaryFile(descriptor);
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

std::string TemporaryFile::path() const {
  return Concat("/proc/self/fd/", descriptor_);
}

Result<TemporaryFile> Download(const std::string& url, const DownloadOptions& options) {
  EDB_ASSIGN(TemporaryFile file, TemporaryFile::Create());
  const CurlLibrary library;
  const CurlPtr curl(curl_easy_init());
  if (curl == nullptr) {
    return InternalError("libcurl cannot be started");
  }
  Sink sink{.descriptor = file.descriptor(), .room = options.max_bytes};
  SetOptions(curl.get(), url, options, sink);
  const CURLcode code = curl_easy_perform(curl.get());
  if (const Status status = StatusOfTransfer(curl.get(), code, sink); !status.ok()) {
    return status.WithContext(Concat("cannot download ", Quote(DisplayInput(url))));
  }
  return file;
}

}  // namespace embeddingsdb
