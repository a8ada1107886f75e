// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/filter.h"

#include <algorithm>
#include <array>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

bool IsPrimitive(const Document& value) {
  return value.IsString() || value.IsNumber() || value.IsBoolean();
}

bool Equal(const Document& a, const Document& b) {
  if (a.kind != b.kind) {
    return false;
  }
  return a.IsNumber() ? a.number == b.number : a.text == b.text && a.boolean == b.boolean;
}

Status Invalid(std::string_view why) {
  return InvalidArgumentError(Concat("Invalid filter: ", why));
}

}  // namespace

class MetadataFilter::Reader {
 public:
  Reader(const std::vector<std::string>& not_filterable, std::size_t max_terms)
      : not_filterable_(not_filterable), max_terms_(max_terms) {}

  /// An object: all its members are ANDed.
  Result<Node> Read(const Document& filter);

 private:
  Result<Node> ReadMember(const std::string& name, const Document& value);
  Result<Node> ReadLogical(Kind kind, const Document& value);
  Result<Node> ReadCondition(const std::string& key, const Document::Member& condition);
  static Result<Kind> KindOf(std::string_view name);
  static Status CheckOperand(std::string_view name, Kind kind, const Document& value);
  Status Count(std::size_t terms) {
    terms_ += terms;
    return terms_ <= max_terms_
               ? Status()
               : Invalid(Concat("it has more than ", max_terms_, " conditions and values"));
  }

  const std::vector<std::string>& not_filterable_;
  const std::size_t max_terms_;
  std::size_t terms_ = 0;
};

Result<MetadataFilter::Kind> MetadataFilter::Reader::KindOf(std::string_view name) {
  static constexpr auto kNames =
      std::to_array<std::pair<std::string_view, Kind>>({{"$eq", Kind::kEqual},
                                                        {"$ne", Kind::kNotEqual},
                                                        {"$gt", Kind::kGreater},
                                                        {"$gte", Kind::kGreaterOrEqual},
                                                        {"$lt", Kind::kLess},
                                                        {"$lte", Kind::kLessOrEqual},
                                                        {"$in", Kind::kIn},
                                                        {"$nin", Kind::kNotIn},
                                                        {"$exists", Kind::kExists},
                                                        {"$startsWith", Kind::kStartsWith}});
  for (const auto& [known, kind] : kNames) {
    if (known == name) {
      return kind;
    }
  }
  return Invalid(Concat("there is no operator ", Quote(name)));
}

Status MetadataFilter::Reader::CheckOperand(std::string_view name, Kind kind,
                                            const Document& value) {
  switch (kind) {
    case Kind::kEqual:
    case Kind::kNotEqual:
      return IsPrimitive(value) ? Status()
                                : Invalid(Concat(name, " takes a string, number or boolean"));
    case Kind::kIn:
    case Kind::kNotIn:
      return value.IsArray() && !value.items.empty() &&
                     std::ranges::all_of(value.items, IsPrimitive)
                 ? Status()
                 : Invalid(Concat(name, " takes an array of strings, numbers or booleans"));
    case Kind::kExists:
      return value.IsBoolean() ? Status() : Invalid("$exists takes a boolean");
    case Kind::kStartsWith:
      return value.IsString() ? Status() : Invalid("$startsWith takes a string");
    default:
      return value.IsNumber() ? Status() : Invalid(Concat(name, " takes a number"));
  }
}

Result<MetadataFilter::Node> MetadataFilter::Reader::Read(const Document& filter) {
  if (!filter.IsObject() || filter.members.empty()) {
    return Invalid("it must be an object with a condition");
  }
  Node node{.kind = Kind::kAnd};
  for (const auto& [name, value] : filter.members) {
    EDB_ASSIGN(Node child, ReadMember(name, value));
    node.children.push_back(std::move(child));
  }
  return node;
}

Result<MetadataFilter::Node> MetadataFilter::Reader::ReadMember(const std::string& name,
                                                                const Document& value) {
  if (name == "$and" || name == "$or") {
    return ReadLogical(name == "$and" ? Kind::kAnd : Kind::kOr, value);
  }
  if (name.empty() || name.starts_with('$')) {
    return Invalid(Concat(Quote(name), " is neither $and, $or nor a key"));
  }
  if (std::ranges::find(not_filterable_, name) != not_filterable_.end()) {
    return InvalidArgumentError("Invalid use of non-filterable metadata in filter");
  }
  if (IsPrimitive(value)) {
    return ReadCondition(name, {"$eq", value});
  }
  if (!value.IsObject() || value.members.empty()) {
    return Invalid(Concat("the condition on ", Quote(name), " is neither a value nor an operator"));
  }
  Node node{.kind = Kind::kAnd};
  for (const Document::Member& condition : value.members) {
    EDB_ASSIGN(Node child, ReadCondition(name, condition));
    node.children.push_back(std::move(child));
  }
  return node;
}

Result<MetadataFilter::Node> MetadataFilter::Reader::ReadLogical(Kind kind, const Document& value) {
  if (!value.IsArray() || value.items.empty()) {
    return Invalid("$and and $or take an array of filters");
  }
  Node node{.kind = kind};
  for (const Document& item : value.items) {
    EDB_ASSIGN(Node child, Read(item));
    node.children.push_back(std::move(child));
  }
  return node;
}

Result<MetadataFilter::Node> MetadataFilter::Reader::ReadCondition(
    const std::string& key, const Document::Member& condition) {
  const auto& [name, value] = condition;
  EDB_ASSIGN(const Kind kind, KindOf(name));
  EDB_TRY(CheckOperand(name, kind, value));
  EDB_TRY(Count(value.IsArray() ? value.items.size() : 1));
  return Node{.kind = kind,
              .key = key,
              .operands = value.IsArray() ? value.items : std::vector<Document>{value}};
}

Result<MetadataFilter> MetadataFilter::Parse(const Document& filter,
                                             const std::vector<std::string>& not_filterable,
                                             std::size_t max_terms) {
  MetadataFilter out;
  EDB_ASSIGN(out.root_, Reader(not_filterable, max_terms).Read(filter));
  out.CollectEqualStrings(out.root_);
  return out;
}

bool MetadataFilter::Matches(const Document& metadata) const {
  return MatchesNode(root_, metadata);
}

bool MetadataFilter::MatchesNode(const Node& node, const Document& metadata) {
  const auto matches = [&](const Node& child) { return MatchesNode(child, metadata); };
  if (node.kind == Kind::kAnd) {
    return std::ranges::all_of(node.children, matches);
  }
  if (node.kind == Kind::kOr) {
    return std::ranges::any_of(node.children, matches);
  }
  const Document* const value = metadata.Find(node.key);
  if (node.kind == Kind::kExists) {
    return (value != nullptr) == node.operands.front().boolean;
  }
  return value != nullptr && MatchesCondition(node, *value);
}

bool MetadataFilter::MatchesCondition(const Node& node, const Document& value) {
  if (!value.IsArray()) {
    return MatchesScalar(node, value);
  }
  const auto matches = [&](const Document& item) { return MatchesScalar(node, item); };
  return node.kind == Kind::kNotEqual || node.kind == Kind::kNotIn
             ? std::ranges::all_of(value.items, matches)
             : std::ranges::any_of(value.items, matches);
}

bool MetadataFilter::MatchesScalar(const Node& node, const Document& value) {
  const Document& operand = node.operands.front();
  const auto equal = [&](const Document& one) { return Equal(value, one); };
  switch (node.kind) {
    case Kind::kEqual:
    case Kind::kIn:
      return std::ranges::any_of(node.operands, equal);
    case Kind::kNotEqual:
    case Kind::kNotIn:
      return std::ranges::none_of(node.operands, equal);
    case Kind::kStartsWith:
      return value.IsString() && value.text.starts_with(operand.text);
    case Kind::kGreater:
      return value.IsNumber() && value.number > operand.number;
    case Kind::kGreaterOrEqual:
      return value.IsNumber() && value.number >= operand.number;
    case Kind::kLess:
      return value.IsNumber() && value.number < operand.number;
    case Kind::kLessOrEqual:
      return value.IsNumber() && value.number <= operand.number;
    default:
      return false;
  }
}

void MetadataFilter::CollectEqualStrings(const Node& node) {
  if (node.kind == Kind::kAnd) {
    for (const Node& child : node.children) {
      CollectEqualStrings(child);
    }
    return;
  }
  const bool equal =
      node.kind == Kind::kEqual || (node.kind == Kind::kIn && node.operands.size() == 1);
  if (equal && node.operands.front().IsString()) {
    equal_strings_.emplace_back(node.key, node.operands.front().text);
  }
}

}  // namespace embeddingsdb
