// SPDX-License-Identifier: BSD-3-Clause
#include "core/json_scan.h"

#include <simdjson.h>
#include <string>

#include "embeddingsdb/limits.h"

namespace embeddingsdb {
namespace {

namespace od = simdjson::ondemand;

/// Tells of values, each as it comes to it. Functions are false when the text is no JSON, or when
/// an event said so.
class Teller {
 public:
  explicit Teller(JsonEvents& events) : events_(events) {}

  /// Of a document or of what is within it.
  template <typename Value>
  bool Tell(Value& value) {
    od::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) {
      return false;
    }
    switch (type) {
      case od::json_type::object:
        return Object(value);
      case od::json_type::array:
        return Array(value);
      case od::json_type::string:
        return String(value);
      case od::json_type::number:
        return Number(value);
      case od::json_type::boolean:
        return Boolean(value);
      case od::json_type::null:
        return Null(value);
    }
    return false;
  }

 private:
  template <typename Value>
  bool Object(Value& value) {
    od::object object;
    if (++depth_ > kMaxScannedJsonDepth || value.get_object().get(object) != simdjson::SUCCESS ||
        !events_.Open('{')) {
      return false;
    }
    for (auto found : object) {
      od::field field;
      std::string_view name;
      if (std::move(found).get(field) != simdjson::SUCCESS ||
          field.unescaped_key().get(name) != simdjson::SUCCESS || !events_.Name(name) ||
          !Tell(field.value())) {
        return false;
      }
    }
    --depth_;
    return events_.Close('}');
  }

  template <typename Value>
  bool Array(Value& value) {
    od::array array;
    if (++depth_ > kMaxScannedJsonDepth || value.get_array().get(array) != simdjson::SUCCESS ||
        !events_.Open('[')) {
      return false;
    }
    for (auto found : array) {
      od::value element;
      if (std::move(found).get(element) != simdjson::SUCCESS || !Tell(element)) {
        return false;
      }
    }
    --depth_;
    return events_.Close(']');
  }

  template <typename Value>
  bool String(Value& value) {
    std::string_view text;
    return value.get_string().get(text) == simdjson::SUCCESS && events_.String(text);
  }

  template <typename Value>
  bool Number(Value& value) {
    std::string_view text;
    double number = 0;
    if (Token(value, text) && value.get_double().get(number) == simdjson::SUCCESS) {
      text = text.substr(0, text.find_last_not_of(" \n\r\t") + 1);
      return events_.Number(text);
    }
    return false;
  }
  static bool Token(od::value& value, std::string_view& text) {
    text = value.raw_json_token();
    return true;
  }
  static bool Token(od::document& document, std::string_view& text) {
    return document.raw_json_token().get(text) == simdjson::SUCCESS;
  }

  template <typename Value>
  bool Boolean(Value& value) {
    bool truth = false;
    return value.get_bool().get(truth) == simdjson::SUCCESS &&
           events_.Literal(truth ? "true" : "false");
  }

  template <typename Value>
  bool Null(Value& value) {
    bool null = false;
    return simdjson::simdjson_result<bool>(value.is_null()).get(null) == simdjson::SUCCESS &&
           null && events_.Literal("null");
  }

  JsonEvents& events_;
  int depth_ = 0;
};

}  // namespace

bool ScanJson(std::string_view json, JsonEvents& events) {
  od::parser parser;
  const simdjson::padded_string text(json);
  od::document document;
  return parser.iterate(text).get(document) == simdjson::SUCCESS && Teller(events).Tell(document) &&
         document.current_location().error() == simdjson::OUT_OF_BOUNDS;  // nothing follows
}

}  // namespace embeddingsdb
