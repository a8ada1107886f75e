// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/thrift_compact.h"

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {

namespace {

std::uint64_t ZigzagBits(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t Unzigzag(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
}

/// Walks over encoded bytes. `out` is null where nothing is to be built.
class ThriftWalker {
 public:
  ThriftWalker(std::string_view data, std::size_t max_values)
      : data_(data), values_left_(max_values) {}

  bool too_many() const { return too_many_; }

  bool Struct(int depth, ThriftValue* out) {
    if (depth > kMaxFooterDepth) {
      return false;
    }
    std::int16_t field = 0;  // wraps where a file lies, as that of other readers
    while (true) {
      std::uint8_t header = 0;
      if (!TakeByte(header)) {
        return false;
      }
      if (header == 0) {
        return true;
      }
      field = static_cast<std::int16_t>(field + (header >> 4));
      std::uint64_t id = 0;
      if ((header >> 4) == 0) {
        if (!TakeVarint(id)) {
          return false;
        }
        field = static_cast<std::int16_t>(Unzigzag(id));
      }
      const std::uint8_t type = header & 0x0F;
      ThriftValue* child = nullptr;
      if (out != nullptr && !Add(*out, type, field, child)) {
        return false;
      }
      // A boolean field has its value in its header; everything else follows.
      if (type == Code(ThriftType::kTrue) || type == Code(ThriftType::kFalse)) {
        if (child != nullptr) {
          child->number = type == Code(ThriftType::kTrue) ? 1 : 0;
        }
      } else if (!Value(type, depth, child)) {
        return false;
      }
    }
  }

 private:
  static std::uint8_t Code(ThriftType type) { return static_cast<std::uint8_t>(type); }

  bool Add(ThriftValue& parent, std::uint8_t type, std::int16_t field, ThriftValue*& child) {
    if (values_left_ == 0) {
      too_many_ = true;
      return false;
    }
    --values_left_;
    child = &parent.children.emplace_back();
    child->type = static_cast<ThriftType>(type);
    child->field = field;
    return true;
  }

  bool TakeByte(std::uint8_t& byte) {
    if (data_.empty()) {
      return false;
    }
    byte = static_cast<std::uint8_t>(data_.front());
    data_.remove_prefix(1);
    return true;
  }

  bool TakeVarint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      std::uint8_t byte = 0;
      if (!TakeByte(byte)) {
        return false;
      }
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) {
        return true;
      }
    }
    return false;
  }

  bool TakeBytes(std::uint64_t count) {
    if (count > data_.size()) {
      return false;
    }
    data_.remove_prefix(static_cast<std::size_t>(count));
    return true;
  }

  bool Value(std::uint8_t type, int depth, ThriftValue* out) {
    const std::string_view before = data_;
    std::uint64_t number = 0;
    if (!Content(type, depth, number, out)) {
      return false;
    }
    if (out == nullptr) {
      return true;
    }
    const std::string_view whole = before.substr(0, before.size() - data_.size());
    switch (out->type) {
      case ThriftType::kTrue:
      case ThriftType::kFalse:  // the element of a list: 1 is true, whatever the list says
        out->number = whole.front() == 1 ? 1 : 0;
        break;
      case ThriftType::kByte: {
        const int byte = static_cast<unsigned char>(whole.front());
        out->number = byte < 128 ? byte : byte - 256;
        break;
      }
      case ThriftType::kI16:
      case ThriftType::kI32:
      case ThriftType::kI64:
        out->number = Unzigzag(number);
        break;
      default:
        break;
    }
    const bool is_text = out->type == ThriftType::kBinary;
    out->bytes = is_text ? whole.substr(whole.size() - static_cast<std::size_t>(number)) : whole;
    return true;
  }

  /// `number` is the integer, or the length of the string.
  bool Content(std::uint8_t type, int depth, std::uint64_t& number, ThriftValue* out) {
    switch (static_cast<ThriftType>(type)) {
      case ThriftType::kTrue:
      case ThriftType::kFalse:
      case ThriftType::kByte:
        return TakeBytes(1);
      case ThriftType::kI16:
      case ThriftType::kI32:
      case ThriftType::kI64:
        return TakeVarint(number);
      case ThriftType::kDouble:
        return TakeBytes(8);
      case ThriftType::kBinary:
        return TakeVarint(number) && TakeBytes(number);
      case ThriftType::kList:
      case ThriftType::kSet:
        return List(depth + 1, out);
      case ThriftType::kStruct:
        return Struct(depth + 1, out);
      case ThriftType::kMap:  // Parquet has none
        return false;
    }
    return false;
  }

  bool List(int depth, ThriftValue* out) {
    if (depth > kMaxFooterDepth) {
      return false;
    }
    std::uint8_t header = 0;
    if (!TakeByte(header)) {
      return false;
    }
    std::uint64_t size = header >> 4;
    if (size == 15 && !TakeVarint(size)) {
      return false;
    }
    // Every element takes at least a byte, so a size that lies is seen before anyone reserves it.
    if (size > data_.size()) {
      return false;
    }
    const std::uint8_t type = header & 0x0F;
    for (std::uint64_t i = 0; i < size; ++i) {
      ThriftValue* child = nullptr;
      if (out != nullptr && !Add(*out, type, 0, child)) {
        return false;
      }
      if (!Value(type, depth, child)) {
        return false;
      }
    }
    return true;
  }

  std::string_view data_;
  std::size_t values_left_;
  bool too_many_ = false;
};

}  // namespace

void ThriftWriter::Varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(static_cast<std::uint8_t>(value) | 0x80U));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void ThriftWriter::Zigzag(std::int64_t value) {
  Varint(ZigzagBits(value));
}

void ThriftWriter::Header(int field, ThriftType type) {
  const int delta = field - last_field_;
  const auto code = static_cast<int>(type);
  if (delta > 0 && delta <= 15) {
    out_.push_back(static_cast<char>((delta << 4) | code));
  } else {
    out_.push_back(static_cast<char>(code));
    Zigzag(field);
  }
  last_field_ = field;
}

void ThriftWriter::Bool(int field, bool value) {
  Header(field, value ? ThriftType::kTrue : ThriftType::kFalse);
}

void ThriftWriter::Byte(int field, std::int8_t value) {
  Header(field, ThriftType::kByte);
  out_.push_back(static_cast<char>(value));
}

void ThriftWriter::I32(int field, std::int32_t value) {
  Header(field, ThriftType::kI32);
  Zigzag(value);
}

void ThriftWriter::I64(int field, std::int64_t value) {
  Header(field, ThriftType::kI64);
  Zigzag(value);
}

void ThriftWriter::Binary(int field, std::string_view value) {
  Header(field, ThriftType::kBinary);
  BinaryElement(value);
}

void ThriftWriter::BeginStruct(int field) {
  Header(field, ThriftType::kStruct);
  BeginElement();
}

void ThriftWriter::EndStruct() {
  out_.push_back('\0');
  if (outer_fields_.empty()) {
    return;
  }
  last_field_ = outer_fields_.back();
  outer_fields_.pop_back();
}

void ThriftWriter::BeginList(int field, ThriftType element, std::size_t size) {
  Header(field, ThriftType::kList);
  const auto code = static_cast<unsigned>(element);
  if (size < 15) {
    out_.push_back(static_cast<char>((static_cast<unsigned>(size) << 4) | code));
  } else {
    out_.push_back(static_cast<char>(0xF0U | code));
    Varint(size);
  }
}

void ThriftWriter::BeginElement() {
  outer_fields_.push_back(last_field_);
  last_field_ = 0;
}

void ThriftWriter::I32Element(std::int32_t value) {
  Zigzag(value);
}

void ThriftWriter::BinaryElement(std::string_view value) {
  Varint(value.size());
  out_.append(value);
}

void ThriftWriter::Encoded(int field, ThriftType type, std::string_view value) {
  Header(field, type);
  out_.append(value);
}

void ThriftWriter::EncodedElement(std::string_view value) {
  out_.append(value);
}

const ThriftValue* ThriftValue::Find(int id) const {
  for (const ThriftValue& child : children) {
    if (child.field == id) {
      return &child;
    }
  }
  return nullptr;
}

bool IsThriftStruct(std::string_view data) {
  return ThriftWalker(data, 0).Struct(0, nullptr);
}

Result<ThriftValue> ParseThriftStruct(std::string_view data, std::size_t max_values) {
  ThriftValue value;
  ThriftWalker walker(data, max_values);
  if (walker.Struct(0, &value)) {
    return value;
  }
  if (walker.too_many()) {
    return ResourceExhaustedError(Concat("it has more than ", max_values, " values"));
  }
  return InvalidArgumentError("it cannot be read");
}

}  // namespace embeddingsdb
