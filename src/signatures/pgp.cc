// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/pgp.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <gpgme.h>
#include <optional>
#include <stdlib.h>  // mkdtemp is not in <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/secret.h"
#include "core/text.h"
#include "signatures/key_text.h"

namespace embeddingsdb {
namespace {

struct FreeContext {
  void operator()(gpgme_ctx_t context) const { gpgme_release(context); }
};
struct FreeData {
  void operator()(gpgme_data_t data) const { gpgme_data_release(data); }
};
using Context = std::unique_ptr<gpgme_context, FreeContext>;
using Data = std::unique_ptr<gpgme_data, FreeData>;

Status GpgError(std::string_view what, gpgme_error_t error) {
  std::array<char, 256> text{};
  gpgme_strerror_r(error, text.data(), text.size());
  std::string message = Concat(what, ": ", std::string_view(text.data()));
  switch (gpgme_err_code(error)) {
    case GPG_ERR_BAD_PASSPHRASE:
    case GPG_ERR_CANCELED:
    case GPG_ERR_NO_PASSPHRASE:
      return UnauthenticatedError(std::move(message));
    case GPG_ERR_INV_ENGINE:
      return FailedPreconditionError(std::move(message));
    default:
      return InvalidArgumentError(std::move(message));
  }
}

/// A folder for gpg's files that only this user can read, removed with all that is in it.
class PrivateHome {
 public:
  static Result<PrivateHome> Make() {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    std::string path = (folder / "embeddingsdb-gpg-XXXXXX").string();
    if (error || ::mkdtemp(path.data()) == nullptr) {  // mode 0700
      return FailedPreconditionError("cannot make a folder for gpg in TMPDIR");
    }
    return PrivateHome(std::move(path));
  }

  PrivateHome(const PrivateHome&) = delete;
  PrivateHome& operator=(const PrivateHome&) = delete;
  PrivateHome(PrivateHome&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateHome& operator=(PrivateHome&&) = delete;
  ~PrivateHome() {
    if (path_.empty()) {
      return;
    }
    StopAgent();
    // The agent may still be removing its sockets; what one of us does not find the other removed.
    std::error_code error;
    for (int tries = 0; tries < 10; ++tries) {
      std::filesystem::remove_all(path_, error);
      if (!error && !std::filesystem::exists(path_, error)) {
        break;
      }
    }
  }

  const std::string& path() const { return path_; }

 private:
  explicit PrivateHome(std::string path) : path_(std::move(path)) {}

  /// Ends the agent that gpg has started for this folder, if there is one.
  void StopAgent() const {
    gpgme_ctx_t raw = nullptr;
    const char* const gpgconf = gpgme_get_dirinfo("gpgconf-name");
    if (gpgconf == nullptr || gpgme_new(&raw) != 0) {
      return;
    }
    const Context context(raw);
    std::array<const char*, 6> arguments = {"gpgconf", "--homedir", path_.c_str(),
                                            "--kill",  "gpg-agent", nullptr};
    if (gpgme_set_protocol(raw, GPGME_PROTOCOL_SPAWN) == 0) {
      gpgme_op_spawn(raw, gpgconf, arguments.data(), nullptr, nullptr, nullptr, 0);
    }
  }

  std::string path_;
};

/// What gpg is asked to do for one signer or verifier. gpgme's contexts are for one thread each, so
/// every call makes its own: next to starting gpg that is nothing.
class Gpg {
 public:
  static Result<std::unique_ptr<Gpg>> Make(std::optional<std::string> password = std::nullopt) {
    if (gpgme_check_version(nullptr) == nullptr) {
      return FailedPreconditionError("gpgme cannot be used");
    }
    if (const gpgme_error_t error = gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP)) {
      return GpgError("gpg cannot be used, it is in the package gnupg", error);
    }
    EDB_ASSIGN(PrivateHome home, PrivateHome::Make());
    return std::unique_ptr<Gpg>(new Gpg(std::move(home), std::move(password)));
  }

  Result<Context> NewContext() const {
    gpgme_ctx_t raw = nullptr;
    gpgme_error_t error = gpgme_new(&raw);
    Context context(raw);
    if (error == 0) {
      error = gpgme_ctx_set_engine_info(raw, GPGME_PROTOCOL_OpenPGP, nullptr, home_.path().c_str());
    }
    if (error == 0) {
      // The password comes from us, never from a window or the terminal.
      error = gpgme_set_pinentry_mode(raw, GPGME_PINENTRY_MODE_LOOPBACK);
    }
    if (error != 0) {
      return GpgError("cannot start gpg", error);
    }
    gpgme_set_armor(raw, 1);
    gpgme_set_offline(raw, 1);
    // Whoever names a key trusts it; so gpg needs no database of trust either.
    gpgme_set_ctx_flag(raw, "trust-model", "always");
    // gpgme takes a pointer that is not const, the callback only reads through it.
    gpgme_set_passphrase_cb(raw, GivePassword, const_cast<Gpg*>(this));  // NOLINT
    return context;
  }

 private:
  Gpg(PrivateHome home, std::optional<std::string> password)
      : home_(std::move(home)), password_(std::move(password)) {}

  // gpgme wants five parameters.
  // NOLINTNEXTLINE(readability-function-size)
  static gpgme_error_t GivePassword(void* self, const char* /*hint*/, const char* /*info*/,
                                    int previous_was_bad, int fd) {
    const std::optional<std::string>& password = static_cast<const Gpg*>(self)->password_;
    if (!password || previous_was_bad != 0) {
      return gpgme_error(GPG_ERR_CANCELED);
    }
    const std::string line = *password + "\n";
    return gpgme_io_writen(fd, line.data(), line.size()) == 0 ? 0 : gpgme_error_from_errno(errno);
  }

  PrivateHome home_;
  std::optional<std::string> password_;
};

Result<Data> DataOf(std::string_view text) {
  gpgme_data_t raw = nullptr;
  const gpgme_error_t error = gpgme_data_new_from_mem(&raw, text.data(), text.size(), 0);
  Data data(raw);
  if (error != 0) {
    return GpgError("cannot hand a text to gpg", error);
  }
  return data;
}

Result<Data> NewData() {
  gpgme_data_t raw = nullptr;
  const gpgme_error_t error = gpgme_data_new(&raw);
  Data data(raw);
  if (error != 0) {
    return GpgError("cannot take a text from gpg", error);
  }
  return data;
}

std::string TakeText(Data data) {
  std::size_t size = 0;
  char* const raw = gpgme_data_release_and_get_mem(data.release(), &size);
  std::string text(raw == nullptr ? std::string_view() : std::string_view(raw, size));
  gpgme_free(raw);
  return text;
}

/// Imports keys into the home of `gpg`; kInvalidArgument when there is none of the wanted kind.
Status Import(gpgme_ctx_t context, std::string_view option, std::string_view text, bool secret) {
  EDB_ASSIGN(const Data data, DataOf(text));
  if (const gpgme_error_t error = gpgme_op_import(context, data.get())) {
    return GpgError(Concat("URI option ", option), error);
  }
  const gpgme_import_result_t result = gpgme_op_import_result(context);
  if (result == nullptr || (secret ? result->secret_read : result->considered) == 0) {
    return InvalidArgumentError(
        Concat("URI option ", option, ": no OpenPGP ", secret ? "private" : "public", " key"));
  }
  return Status();
}

class PgpVerifier : public Verifier {
 public:
  explicit PgpVerifier(std::unique_ptr<Gpg> gpg) : gpg_(std::move(gpg)) {}

  Result<bool> Verify(std::string_view payload, std::string_view signature) const override {
    if (signature.size() > kMaxSignatureBytes) {
      return InvalidArgumentError(Concat("a signature has ", signature.size(),
                                         " bytes, the limit is ", kMaxSignatureBytes));
    }
    EDB_ASSIGN(const Context context, gpg_->NewContext());
    EDB_ASSIGN(const Data text, DataOf(signature));
    EDB_ASSIGN(const Data signed_text, DataOf(payload));
    if (const gpgme_error_t error =
            gpgme_op_verify(context.get(), text.get(), signed_text.get(), nullptr)) {
      return GpgError("no OpenPGP signature", error);
    }
    const gpgme_verify_result_t result = gpgme_op_verify_result(context.get());
    if (result == nullptr || result->signatures == nullptr) {
      return InvalidArgumentError("no OpenPGP signature");
    }
    for (const _gpgme_signature* one = result->signatures; one != nullptr; one = one->next) {
      // No error: right, by a key that is here, and neither it nor the key has expired.
      if (one->status == 0) {
        return true;
      }
    }
    return false;
  }

 private:
  std::unique_ptr<Gpg> gpg_;
};

Result<std::unique_ptr<Verifier>> VerifierOf(std::string_view option, std::string_view keys) {
  EDB_ASSIGN(std::unique_ptr<Gpg> gpg, Gpg::Make());
  EDB_ASSIGN(const Context context, gpg->NewContext());
  EDB_TRY(Import(context.get(), option, keys, /*secret=*/false));
  return std::unique_ptr<Verifier>(std::make_unique<PgpVerifier>(std::move(gpg)));
}

class PgpSigner : public Signer {
 public:
  PgpSigner(std::unique_ptr<Gpg> gpg, std::string public_key)
      : gpg_(std::move(gpg)), public_key_(std::move(public_key)) {}

  Result<std::string> Sign(std::string_view payload) const override {
    EDB_ASSIGN(const Context context, gpg_->NewContext());
    EDB_ASSIGN(const Data text, DataOf(payload));
    EDB_ASSIGN(Data signature, NewData());
    if (const gpgme_error_t error =
            gpgme_op_sign(context.get(), text.get(), signature.get(), GPGME_SIG_MODE_DETACH)) {
      return GpgError("cannot sign", error);
    }
    return TakeText(std::move(signature));
  }

  const std::string& public_key() const override { return public_key_; }

  Result<std::unique_ptr<Verifier>> NewVerifier() const override {
    return VerifierOf("key-uri", public_key_);
  }

 private:
  std::unique_ptr<Gpg> gpg_;
  std::string public_key_;
};

}  // namespace

Result<std::unique_ptr<Signer>> OpenPgpSigner(const Uri& uri, Env& env) {
  constexpr auto kKnown = std::to_array<std::string_view>({"key-uri", "key-password-uri"});
  EDB_TRY(uri.CheckOptions(kKnown));
  EDB_ASSIGN(const std::string key, ReadKeyOption(uri, "key-uri", env));
  std::optional<std::string> password;
  if (const std::optional<std::string> password_uri = uri.Option("key-password-uri")) {
    EDB_ASSIGN(password, ReadSecret(*password_uri, env));
  }
  EDB_ASSIGN(std::unique_ptr<Gpg> gpg, Gpg::Make(std::move(password)));
  EDB_ASSIGN(const Context context, gpg->NewContext());
  EDB_TRY(Import(context.get(), "key-uri", key, /*secret=*/true));
  EDB_ASSIGN(Data exported, NewData());
  if (const gpgme_error_t error = gpgme_op_export(context.get(), nullptr, 0, exported.get())) {
    return GpgError("cannot read the public key of key-uri", error);
  }
  auto signer = std::make_unique<PgpSigner>(std::move(gpg), TakeText(std::move(exported)));
  // A wrong password is better known before the work begins.
  EDB_TRY(signer->Sign("").status());
  return std::unique_ptr<Signer>(std::move(signer));
}

Result<std::unique_ptr<Verifier>> OpenPgpVerifier(const Uri& uri, Env& env) {
  constexpr auto kKnown = std::to_array<std::string_view>({"public-key-uri"});
  EDB_TRY(uri.CheckOptions(kKnown));
  EDB_ASSIGN(const std::string keys, ReadKeyOption(uri, "public-key-uri", env));
  return VerifierOf("public-key-uri", keys);
}

}  // namespace embeddingsdb
