// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/vectors.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <random>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/sha256.h"
#include "core/text.h"
#include "index/distance.h"
#include "s3server/metadata.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kHashedKey = "s3:key:";
constexpr std::string_view kMoreModel = ".s3vectors/metadata/";

/// The depiction id of a key: the key itself, or its hash where a record cannot have it.
std::string IdOf(std::string_view key) {
  if (ValidateName("key", key, kMaxDepictionIdBytes).ok() && !key.starts_with(kHashedKey)) {
    return std::string(key);
  }
  return Concat(kHashedKey, Sha256Hex(key));
}

Result<std::string> KeyOfRecord(const std::string& id, const Attributes& attributes) {
  if (!id.starts_with(kHashedKey)) {
    return id;
  }
  const auto found = attributes.find(kKeyAttribute);
  if (found == attributes.end()) {
    return DataLossError(Concat("record ", Quote(id), " lacks the attribute ", kKeyAttribute));
  }
  EDB_ASSIGN(const Document key, ParseDocument(found->second));
  return key.text;
}

std::string NewTextName(std::string_view id) {
  std::random_device random;
  return Concat(Sha256Hex(id), "-", random(), "-", random());
}

/// FNV-1a: the same in every version, since the segments of a list may be read by several.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

/// Where a list goes on. Ids hold no control characters.
struct ListPlace {
  std::int64_t rank = 0;
  std::string subject_id;
  std::string depiction_id;
};

Result<ListPlace> ParsePlace(std::string_view text) {
  ListPlace place;
  const std::size_t first = text.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : text.find('\n', first + 1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place.rank);
  if (second == std::string_view::npos || error != std::errc() || end != text.data() + first ||
      place.rank < 0 || place.rank > kMaxPage) {
    return InvalidArgumentError("Invalid nextToken");
  }
  place.subject_id = text.substr(first + 1, second - first - 1);
  place.depiction_id = text.substr(second + 1);
  return place;
}

/// The marks that the records have, and maybe some of them twice.
std::vector<std::string> MarksOf(const std::vector<Record>& records) {
  std::vector<std::string> marks;
  for (const Record& record : records) {
    for (auto it = record.attributes.lower_bound(std::string(kReservedAttributes));
         it != record.attributes.end() && it->first.starts_with(kReservedAttributes); ++it) {
      if (it->first == kHiddenMark || it->first.starts_with(kListMark)) {
        marks.push_back(it->first);
      }
    }
  }
  return marks;
}

Filter AttributeFilter(std::string name, std::string value) {
  return {.column = Column::kAttribute, .value = std::move(value), .attribute = std::move(name)};
}

}  // namespace

/// What searches of one query have found, each vector once.
class S3Vectors::Matches {
 public:
  Matches(const S3Search& search) : search_(search) {}  // NOLINT(google-explicit-constructor)

  bool Accepts(const Attributes& attributes) const {
    if (!search_.filter) {
      return true;
    }
    const Result<Document> metadata = LoadMetadata(attributes, {});
    return metadata.ok() && search_.filter->Matches(*metadata);
  }

  void Add(S3Found found) {
    auto key = std::make_pair(found.distance, found.key);
    if (found_.size() >= search_.k && !(key < std::prev(found_.end())->first)) {
      return;
    }
    if (search_.k > static_cast<std::size_t>(kMaxResults)) {
      found.attributes.reset();
    }
    found_.insert_or_assign(std::move(key), std::move(found));
    if (found_.size() > search_.k) {
      found_.erase(std::prev(found_.end()));
    }
  }

  std::vector<S3Found> Finish() {
    std::vector<S3Found> out;
    out.reserve(found_.size());
    for (auto& [key, found] : found_) {
      out.push_back(std::move(found));
    }
    return out;
  }

 private:
  const S3Search& search_;
  std::map<std::pair<float, Key>, S3Found> found_;
};

S3Vectors::S3Vectors(S3IndexEntry& entry, Env& env)
    : index_(entry.index),
      home_(*entry.home),
      absent_(entry.absent),
      database_(*entry.home->database),
      env_(env),
      more_(database_, Concat(kMoreModel, entry.index.model()), home_.dimensions.value_or(1)) {}

Key S3Vectors::RecordKey(std::string_view id) const {
  return {.provider = index_.bucket, .depiction_id = std::string(id), .model = index_.model()};
}

std::vector<Filter> S3Vectors::IndexFilters() const {
  return {{.column = Column::kModel, .value = index_.model()},
          {.column = Column::kProvider, .value = index_.bucket}};
}

/// Appends records of metadata that has no place in the record to the batch.
Record S3Vectors::ToRecord(const S3Vector& vector, std::vector<Record>& batch) {
  Record record;
  record.key = RecordKey(IdOf(vector.key));
  record.embedding = vector.data;
  record.created = env_.NowUnixSeconds();
  StoredMetadata stored = StoreMetadata(vector.metadata, index_.not_filterable);
  record.attributes = std::move(stored.attributes);
  if (record.key.depiction_id.starts_with(kHashedKey)) {
    record.attributes.emplace(kKeyAttribute, ToJson(Document::String(vector.key)));
  }
  if (!stored.more.empty()) {
    const std::string name = NewTextName(record.key.depiction_id);
    record.attributes.emplace(kMoreAttribute, name);
    std::vector<Record> parts = more_.RecordsOf(name, stored.more, record.created);
    std::ranges::move(parts, std::back_inserter(batch));
  }
  return record;
}

Status S3Vectors::Put(std::span<const S3Vector> vectors) {
  std::map<std::string_view, const S3Vector*> last;
  for (const S3Vector& vector : vectors) {
    last.insert_or_assign(vector.key, &vector);
  }
  std::vector<Record> batch;
  std::vector<std::string> ids;
  for (const auto& [key, vector] : last) {
    Record record = ToRecord(*vector, batch);
    ids.push_back(record.key.depiction_id);
    batch.push_back(std::move(record));
  }
  // What the replaced ones leave behind goes after the new ones are there. A stop in between leaves
  // texts that nobody reads.
  EDB_ASSIGN(const std::vector<std::string> replaced, MoreTextsOf(ids));
  {
    const AbsentMarks::Writing writing(absent_, MarksOf(batch));
    EDB_TRY(database_.AddBatch(batch).status());
  }
  for (const std::string& name : replaced) {
    EDB_TRY(more_.Remove(name));
  }
  return {};
}

/// The names of the texts that these records have beside them.
Result<std::vector<std::string>> S3Vectors::MoreTextsOf(const std::vector<std::string>& ids) {
  std::vector<std::string> names;
  EDB_ASSIGN(
      const std::int64_t texts,
      database_.Count({{.column = Column::kModel, .value = Concat(kMoreModel, index_.model())}}));
  if (texts == 0) {
    return names;
  }
  for (const std::string& id : ids) {
    const Result<Record> record = database_.Get(RecordKey(id));
    if (!record.ok() && record.status().code() != StatusCode::kNotFound) {
      return record.status();
    }
    if (record.ok()) {
      const auto more = record->attributes.find(kMoreAttribute);
      if (more != record->attributes.end()) {
        names.push_back(more->second);
      }
    }
  }
  return names;
}

Result<Document> S3Vectors::LoadWhole(const Attributes& attributes) {
  const auto more = attributes.find(kMoreAttribute);
  if (more == attributes.end()) {
    return LoadMetadata(attributes, {});
  }
  EDB_ASSIGN(const std::string text, more_.Get(more->second));
  return LoadMetadata(attributes, text);
}

Result<S3Vector> S3Vectors::FromRecord(Record record, bool metadata) {
  S3Vector vector;
  EDB_ASSIGN(vector.key, KeyOfRecord(record.key.depiction_id, record.attributes));
  vector.data = std::move(record.embedding);
  if (metadata) {
    EDB_ASSIGN(vector.metadata, LoadWhole(record.attributes));
  }
  return vector;
}

/// The vector of a record, or nothing when there is none any more. A writer may replace a vector,
/// and with it the rest of its metadata, between two reads.
Result<std::optional<S3Vector>> S3Vectors::Read(const Key& key, bool metadata) {
  constexpr int kTries = 4;
  Status last;
  for (int i = 0; i < kTries; ++i) {
    Result<Record> record = database_.Get(key);
    if (!record.ok() && record.status().code() == StatusCode::kNotFound) {
      return std::optional<S3Vector>();
    }
    EDB_TRY(record.status());
    Result<S3Vector> vector = FromRecord(*std::move(record), metadata);
    if (vector.ok()) {
      return std::optional(*std::move(vector));
    }
    last = vector.status();
  }
  return last.code() == StatusCode::kNotFound ? DataLossError(last.message()) : last;
}

Result<std::vector<S3Vector>> S3Vectors::Get(const std::vector<std::string>& keys, bool metadata) {
  std::vector<S3Vector> vectors;
  for (const std::string& key : keys) {
    EDB_ASSIGN(std::optional<S3Vector> vector, Read(RecordKey(IdOf(key)), metadata));
    if (vector) {
      vectors.push_back(*std::move(vector));
    }
  }
  return vectors;
}

Status S3Vectors::RemoveIds(const std::vector<std::string>& ids) {
  EDB_ASSIGN(const std::vector<std::string> texts, MoreTextsOf(ids));
  for (std::size_t begin = 0; begin < ids.size(); begin += kMaxBatchRecords) {
    std::vector<Key> keys;
    for (std::size_t i = begin; i < std::min(begin + kMaxBatchRecords, ids.size()); ++i) {
      keys.push_back(RecordKey(ids[i]));
    }
    EDB_TRY(database_.RemoveBatch(keys).status());
  }
  for (const std::string& name : texts) {
    EDB_TRY(more_.Remove(name));
  }
  return {};
}

Status S3Vectors::Remove(const std::vector<std::string>& keys) {
  std::vector<std::string> ids;
  ids.reserve(keys.size());
  for (const std::string& key : keys) {
    ids.push_back(IdOf(key));
  }
  return RemoveIds(ids);
}

Status S3Vectors::Clear() {
  std::vector<std::string> ids;
  {
    EDB_ASSIGN(const auto cursor, database_.Scan(IndexFilters()));
    Record record;
    while (true) {
      EDB_ASSIGN(const bool more, cursor->Next(record));
      if (!more) {
        break;
      }
      ids.push_back(record.key.depiction_id);
    }
  }
  EDB_TRY(RemoveIds(ids));
  EDB_ASSIGN(const auto texts, more_.All());
  for (const auto& [name, text] : texts) {
    EDB_TRY(more_.Remove(name));
  }
  return {};
}

Result<std::optional<S3Vectors::Place>> S3Vectors::PlaceAt(std::int64_t rank) {
  EDB_ASSIGN(RecordPage page,
             database_.List({.page = rank + 1, .per_page = 1, .filters = IndexFilters()}));
  if (page.records.empty()) {
    return std::optional<Place>();
  }
  Record& record = page.records.front();
  return std::optional<Place>({std::move(record.subject_id), std::move(record.key.depiction_id)});
}

/// How many records are at the place or before it: as many as before, unless somebody wrote.
Result<std::int64_t> S3Vectors::RankAfter(const Place& place, std::int64_t guess) {
  if (guess > 0) {
    EDB_ASSIGN(const std::optional<Place> there, PlaceAt(guess - 1));
    if (there == place) {
      return guess;
    }
  }
  std::int64_t low = 0;
  EDB_ASSIGN(std::int64_t high, database_.Count(IndexFilters()));
  while (low < high) {
    const std::int64_t middle = low + ((high - low) / 2);
    EDB_ASSIGN(const std::optional<Place> there, PlaceAt(middle));
    if (there && *there <= place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<S3VectorPage> S3Vectors::List(const S3ListQuery& query) {
  std::int64_t rank = 0;
  if (!query.after.empty()) {
    EDB_ASSIGN(const ListPlace after, ParsePlace(query.after));
    EDB_ASSIGN(rank, RankAfter({after.subject_id, after.depiction_id}, after.rank));
  }
  // Reading much more than fits on a page would be for nothing.
  const std::size_t bytes_each = (static_cast<std::size_t>(index_.dimension) * sizeof(float)) + 1;
  const std::size_t enough = query.segments > 1 ? kMaxPerPage : query.limit;
  const auto chunk = static_cast<std::int64_t>(
      std::clamp<std::size_t>(std::min(enough, kMaxS3ListBytes / bytes_each), 1, kMaxPerPage));
  S3VectorPage out;
  std::size_t bytes = 0;
  while (true) {
    EDB_ASSIGN(
        RecordPage page,
        database_.List({.page = (rank / chunk) + 1, .per_page = chunk, .filters = IndexFilters()}));
    const auto skip = static_cast<std::size_t>(rank % chunk);
    for (std::size_t i = skip; i < page.records.size(); ++i, ++rank) {
      Record& record = page.records[i];
      const Place place{record.subject_id, record.key.depiction_id};
      const auto segments = static_cast<std::uint64_t>(query.segments);
      if (HashOf(place.depiction_id) % segments != static_cast<std::uint64_t>(query.segment)) {
        continue;
      }
      const Key key = record.key;
      Result<S3Vector> vector = FromRecord(std::move(record), query.metadata);
      if (!vector.ok()) {
        EDB_ASSIGN(std::optional<S3Vector> again, Read(key, query.metadata));
        if (!again) {
          continue;
        }
        vector = *std::move(again);
      }
      bytes += bytes_each + vector->key.size() + MetadataBytes(vector->metadata);
      out.vectors.push_back(*std::move(vector));
      if ((out.vectors.size() == query.limit || bytes >= kMaxS3ListBytes) &&
          rank + 1 < page.total) {
        out.next = Concat(rank + 1, "\n", place.subject_id, "\n", place.depiction_id);
        return out;
      }
    }
    if (rank >= page.total || page.records.size() <= skip) {
      return out;
    }
  }
}

/// False when no vector of the index has what is pushed.
Result<bool> S3Vectors::SearchPass(const S3Search& search, const std::vector<Filter>& pushed,
                                   Matches& matches) {
  const auto most = static_cast<std::size_t>(kMaxResults);
  // Without a filter the first k are the answer, and mostly with one that is pushed down; else some
  // of them may not match.
  constexpr std::size_t kMore = 50;
  const std::size_t wider = std::min((2 * search.k) + kMore, most);
  std::size_t k = search.filter && pushed.empty() ? wider : search.k;
  for (; k <= most; k = k < wider ? wider : k < most ? most : most + 1) {
    EDB_ASSIGN(std::vector<SimilarRecord> found, database_.Similar({.model = index_.model(),
                                                                    .embedding = search.vector,
                                                                    .k = static_cast<int>(k),
                                                                    .max_distance = 0.0F,
                                                                    .provider = index_.bucket,
                                                                    .filters = pushed}));
    const bool all = found.size() < k;
    const bool any = !found.empty();
    std::erase_if(found,
                  [&](const SimilarRecord& record) { return !matches.Accepts(record.attributes); });
    if (all || found.size() >= search.k) {
      for (SimilarRecord& record : found) {
        matches.Add({record.distance, std::move(record.key), std::move(record.attributes)});
      }
      return any;
    }
  }
  // More than a search gives have to be looked at: all.
  std::vector<Filter> filters = IndexFilters();
  filters.insert(filters.end(), pushed.begin(), pushed.end());
  EDB_ASSIGN(const auto cursor, database_.Scan(filters));
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor->Next(record));
    if (!more) {
      return true;
    }
    if (record.embedding.size() == search.vector.size() && matches.Accepts(record.attributes)) {
      matches.Add({ExactDistance(index_.metric, search.vector, record.embedding), record.key,
                   record.attributes});
    }
  }
}

/// Looks at the vectors that have the mark, unless it is known that there are none.
Status S3Vectors::SearchMark(const S3Search& search, const std::string& mark, Matches& matches) {
  if (absent_.Has(mark)) {
    return {};
  }
  const std::optional<AbsentMarks::Moment> began = absent_.Now();
  EDB_ASSIGN(const bool any, SearchPass(search, {AttributeFilter(mark, "1")}, matches));
  if (!any && began && home_.only_writer) {
    absent_.Add(mark, *began);
  }
  return {};
}

/// Conditions on strings are asked of the database, which keeps them as attributes. Vectors that
/// have the string within an array, or have no attribute of it, are marked: they are asked for by
/// the mark.
Result<std::vector<S3Found>> S3Vectors::Search(const S3Search& search) {
  Matches matches(search);
  std::vector<Filter> pushed;
  std::vector<std::string> marks;
  if (search.filter) {
    constexpr std::size_t kMaxPushed = 4;
    for (const auto& [key, value] : search.filter->equal_strings()) {
      if (pushed.size() < kMaxPushed && IsPlainKey(key) &&
          ValidateAttributeValue(key, value).ok()) {
        pushed.push_back(AttributeFilter(key, value));
        marks.push_back(Concat(kListMark, key));
      }
    }
  }
  EDB_TRY(SearchPass(search, pushed, matches).status());
  if (!pushed.empty()) {
    marks.emplace_back(kHiddenMark);
  }
  for (const std::string& mark : marks) {
    EDB_TRY(SearchMark(search, mark, matches));
  }
  return matches.Finish();
}

Result<std::optional<S3Vector>> S3Vectors::Describe(const S3Found& found, bool metadata) {
  const std::string& id = found.key.depiction_id;
  if (!found.attributes && !metadata && !id.starts_with(kHashedKey)) {
    return std::optional<S3Vector>({.key = id, .data = {}, .metadata = {}});
  }
  if (found.attributes) {
    Record record;
    record.key = found.key;
    record.attributes = *found.attributes;
    Result<S3Vector> vector = FromRecord(std::move(record), metadata);
    if (vector.ok()) {
      return std::optional(*std::move(vector));
    }
  }
  return Read(found.key, metadata);
}

}  // namespace embeddingsdb
