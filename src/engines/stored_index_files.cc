// SPDX-License-Identifier: BSD-3-Clause
#include "engines/stored_index_files.h"

#include <mutex>
#include <random>
#include <set>

// The library's functions would not be inlined.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/file_bytes.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kExtension = ".index";
constexpr std::string_view kUnusable = ".unusable";
constexpr std::string_view kTemporary = ".tmp-";

std::string Hex(std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) {
    text += kDigits[number >> shift & 0xfU];
  }
  return text;
}

/// Names of models are long and free; their hash is neither.
std::string NameOf(std::string_view model) {
  return Hex(XXH3_64bits(model.data(), model.size()));
}

std::string MarkOf(std::string_view model) {
  return Concat("index:", NameOf(model));
}

/// Never 0, which stands for none.
std::uint64_t NewStamp() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U | random()) | 1U;
}

}  // namespace

StoredIndexFiles::StoredIndexFiles(RecordStore& store, WriteQueue& write_mutex, bool read_only,
                                   const Context& context)
    : store_(store),
      write_mutex_(write_mutex),
      read_only_(read_only),
      context_(context),
      folder_(store.IndexFolder()) {
  if (usable() && !read_only_) {
    RemoveLeftovers();
  }
}

std::string StoredIndexFiles::PathOf(std::string_view model) const {
  return Concat(folder_, "/", NameOf(model), kExtension);
}

/// A process that was killed leaves what it was writing.
void StoredIndexFiles::RemoveLeftovers() {
  const auto names = context_.env->List(folder_);
  if (!names.ok()) {
    return;  // not there, most probably
  }
  for (const std::string& name : *names) {
    if (name.starts_with('.') && name.find(kTemporary) != std::string::npos) {
      context_.env->Remove(Concat(folder_, "/", name))
          .IgnoreError("it costs room on the disk, nothing else");
    }
  }
}

Result<std::shared_ptr<const IndexFile>> StoredIndexFiles::Open(std::string_view model,
                                                                const VectorCodec& codec) {
  const std::string path = PathOf(model);
  if (!context_.env->Exists(path)) {
    return NotFoundError("there is no index file");
  }
  EDB_ASSIGN(const std::uint64_t stamp, store_.GetMark(MarkOf(model)));
  Result<std::shared_ptr<const IndexFile>> file =
      IndexFile::Open(*context_.env, path, codec, stamp);
  if (!file.ok()) {
    SetAside(model, file.status());
    return NotFoundError("the index file cannot be used");
  }
  return file;
}

void StoredIndexFiles::SetAside(std::string_view model, const Status& why) {
  const std::string path = PathOf(model);
  context_.log->Warn("An index file is not used; the index is built again",
                     {{"model", model}, {"file", path}, {"reason", why.message()}});
  if (!read_only_) {
    context_.env->Rename(path, Concat(path, kUnusable))
        .IgnoreError("the new file takes its place all the same");
  }
}

Result<std::shared_ptr<const IndexFile>> StoredIndexFiles::Write(std::string_view model,
                                                                 const VectorCodec& codec,
                                                                 const IndexFileContents& contents,
                                                                 CodeView codes) {
  const std::string path = PathOf(model);
  const std::uint64_t stamp = NewStamp();
  IndexFileContents stamped = contents;
  stamped.stamp = stamp;
  EDB_TRY(context_.env->MakeDirectories(folder_));
  EDB_TRY(IndexFile::Write(*context_.env, path, stamped, {codec, codes}));
  {
    // Between the two nothing is lost but the file's use: its stamp is not the store's.
    const std::lock_guard lock(write_mutex_);
    EDB_TRY(store_.SetMark(MarkOf(model), stamp));
  }
  return IndexFile::Open(*context_.env, path, codec, stamp);
}

std::optional<IndexFileSummary> StoredIndexFiles::Peek(std::string_view model) {
  if (!usable() || !context_.env->Exists(PathOf(model))) {
    return std::nullopt;
  }
  const Result<std::uint64_t> stamp = store_.GetMark(MarkOf(model));
  const Result<IndexFileSummary> summary = IndexFile::Peek(*context_.env, PathOf(model));
  if (!stamp.ok() || !summary.ok() || summary->stamp != *stamp) {
    return std::nullopt;
  }
  return *summary;
}

std::int64_t StoredIndexFiles::BytesOf(std::string_view model) const {
  return usable() ? FileBytes(PathOf(model)) : 0;
}

std::int64_t StoredIndexFiles::Bytes() const {
  return usable() ? FolderBytes(folder_) : 0;
}

Status StoredIndexFiles::Remove(std::string_view model) {
  return usable() ? context_.env->Remove(PathOf(model)) : Status();
}

Status StoredIndexFiles::RemoveOthers(const std::vector<std::string>& models) {
  if (!usable() || !context_.env->IsDirectory(folder_)) {
    return {};
  }
  std::set<std::string> known;
  for (const std::string& model : models) {
    known.insert(NameOf(model) + std::string(kExtension));
  }
  EDB_ASSIGN(const std::vector<std::string> names, context_.env->List(folder_));
  for (const std::string& name : names) {
    const bool other = name.ends_with(kExtension) && !known.contains(name);
    if (other || name.ends_with(kUnusable)) {
      EDB_TRY(context_.env->Remove(Concat(folder_, "/", name)));
    }
  }
  return {};
}

}  // namespace embeddingsdb
