// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/thrift_compact.h"

namespace embeddingsdb {

namespace {

constexpr int kMaxDepth = 16;  // Parquet's footer nests 6 deep

std::uint64_t ZigzagBits(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

/// Walks over encoded bytes without building anything.
class ThriftSkipper {
 public:
  explicit ThriftSkipper(std::string_view data) : data_(data) {}

  bool SkipStruct(int depth) {
    if (depth > kMaxDepth) {
      return false;
    }
    while (true) {
      std::uint8_t header = 0;
      if (!TakeByte(header)) {
        return false;
      }
      if (header == 0) {
        return true;
      }
      std::uint64_t field = 0;
      if ((header >> 4) == 0 && !TakeVarint(field)) {
        return false;
      }
      const std::uint8_t type = header & 0x0F;
      const bool is_bool = type == Code(ThriftType::kTrue) || type == Code(ThriftType::kFalse);
      // A boolean field has its value in its header; everything else follows.
      if (!is_bool && !SkipValue(type, depth)) {
        return false;
      }
    }
  }

 private:
  static std::uint8_t Code(ThriftType type) { return static_cast<std::uint8_t>(type); }

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

  bool SkipValue(std::uint8_t type, int depth) {
    std::uint64_t value = 0;
    switch (static_cast<ThriftType>(type)) {
      case ThriftType::kTrue:
      case ThriftType::kFalse:
      case ThriftType::kByte:
        return TakeBytes(1);
      case ThriftType::kI16:
      case ThriftType::kI32:
      case ThriftType::kI64:
        return TakeVarint(value);
      case ThriftType::kDouble:
        return TakeBytes(8);
      case ThriftType::kBinary:
        return TakeVarint(value) && TakeBytes(value);
      case ThriftType::kList:
      case ThriftType::kSet:
        return SkipList(depth + 1);
      case ThriftType::kStruct:
        return SkipStruct(depth + 1);
      case ThriftType::kMap:  // Parquet has none
        return false;
    }
    return false;
  }

  bool SkipList(int depth) {
    if (depth > kMaxDepth) {
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
    for (std::uint64_t i = 0; i < size; ++i) {
      if (!SkipValue(header & 0x0F, depth)) {
        return false;
      }
    }
    return true;
  }

  std::string_view data_;
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

bool IsThriftStruct(std::string_view data) {
  return ThriftSkipper(data).SkipStruct(0);
}

}  // namespace embeddingsdb
