// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error with context. Member names follow std::expected, which C++20
// lacks, so that moving to it later edits this file only.
#pragma once

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace hostlens::base {

/// Why an operation failed. Errors are values: nothing in this project throws across a folder's
/// edge. `message` reads "what: where: why" and each layer that knows more prepends with
/// `with_context`.
struct Error {
  enum class Kind {
    kInvalid,      ///< the input is wrong (configuration, arguments, untrusted bytes)
    kNotFound,     ///< the thing named does not exist (any more)
    kDenied,       ///< permission or capability is missing
    kUnsupported,  ///< this kernel or host cannot do it
    kBusy,         ///< in use by somebody else, or full for now
    kIo,           ///< a system call failed for another reason
  };

  Kind kind = Kind::kIo;
  int errno_value = 0;  ///< 0 when no system call is behind it
  std::string message;
  std::string remedy;  ///< what the operator can do, empty when nothing is known

  [[nodiscard]] Error with_context(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
  [[nodiscard]] Error with_remedy(std::string text) && {
    remedy = std::move(text);
    return std::move(*this);
  }
  /// "message (remedy)", for one line to a person.
  [[nodiscard]] std::string text() const {
    return remedy.empty() ? message : message + " (" + remedy + ")";
  }
};

/// Error from the current or given errno; `what` names the operation and its object.
[[nodiscard]] inline Error errno_error(std::string_view what, int error = errno) {
  Error::Kind kind = Error::Kind::kIo;
  if (error == EPERM || error == EACCES) kind = Error::Kind::kDenied;
  if (error == ENOENT || error == ESRCH) kind = Error::Kind::kNotFound;
  if (error == EOPNOTSUPP || error == ENOSYS) kind = Error::Kind::kUnsupported;
  if (error == EBUSY || error == EAGAIN || error == EADDRINUSE) kind = Error::Kind::kBusy;
  return Error{kind, error, std::string(what) + ": " + std::strerror(error), {}};
}

[[nodiscard]] inline Error invalid_error(std::string message) {
  return Error{Error::Kind::kInvalid, 0, std::move(message), {}};
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit as in std::expected
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] Error& error() & { return std::get<1>(state_); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit as in std::expected

  [[nodiscard]] bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const& { return *error_; }
  [[nodiscard]] Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace hostlens::base
