// SPDX-License-Identifier: BSD-3-Clause
//
// libcurl's state and objects as things that give themselves back.
#ifndef EMBEDDINGSDB_CORE_CURL_HANDLES_H_
#define EMBEDDINGSDB_CORE_CURL_HANDLES_H_

#include <curl/curl.h>
#include <memory>

namespace embeddingsdb {

/// libcurl's state of the whole process, for as long as somebody needs it.
class CurlLibrary {
 public:
  CurlLibrary() : status_(curl_global_init(CURL_GLOBAL_DEFAULT)) {}
  ~CurlLibrary() {
    if (status_ == CURLE_OK) {
      curl_global_cleanup();
    }
  }
  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;

 private:
  CURLcode status_;
};

struct FreeCurl {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlPtr = std::unique_ptr<CURL, FreeCurl>;
using CurlListPtr = std::unique_ptr<curl_slist, FreeCurl>;

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_CURL_HANDLES_H_
