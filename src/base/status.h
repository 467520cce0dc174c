// Status and Result<T>: how every Puna function that can fail says so; no exception leaves a
// function.
//
// The codes have the numbers of absl::StatusCode and PJRT_Error_Code, so PJRT errors cross
// unchanged. A message is for the person who reads it: what was wrong (field, value, limit) and
// what to do.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "base/check.h"

namespace puna {

enum class StatusCode {
  kOk = 0,
  kCancelled = 1,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message, std::string field = "")
      : code_(code), message_(std::move(message)), field_(std::move(field)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // What of a request it is about, "messages[0].role"; empty when it is about no field.
  const std::string& field() const { return field_; }

  // The same error, about `field` unless it already says what it is about.
  Status about(std::string_view field) const {
    return ok() || !field_.empty() ? *this : Status(code_, message_, std::string(field));
  }

  // The same error with "prefix: " in front, to say where it happened.
  Status with_context(std::string_view prefix) const {
    return ok() ? *this : Status(code_, fmt::format("{}: {}", prefix, message_), field_);
  }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::string field_;
};

// error(kNotFound, "{}: no such file", path)
template <typename... Args>
Status error(StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
Status invalid_argument(fmt::format_string<Args...> format, Args&&... args) {
  return Status(StatusCode::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}
// invalid_field("top_p", "is {}, and …", value): "top_p is 3, and …", about the field top_p;
// where the message begins otherwise: invalid_argument(…).about("top_p").
template <typename... Args>
Status invalid_field(std::string_view field, fmt::format_string<Args...> format, Args&&... args) {
  return Status(StatusCode::kInvalidArgument,
                fmt::format("{} {}", field, fmt::format(format, std::forward<Args>(args)...)),
                std::string(field));
}

// Either a value or an error, never both. value() of an error is a bug and aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    CHECK(!status_.ok(), "a Result without a value needs an error");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & {
    CHECK(value_.has_value(), status_.message().c_str());
    return *value_;
  }
  const T& value() const& {
    CHECK(value_.has_value(), status_.message().c_str());
    return *value_;
  }
  T&& value() && {
    CHECK(value_.has_value(), status_.message().c_str());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace puna

// Not usable inside coroutines (they would need co_return).
#define RETURN_IF_ERROR(expression)                                                       \
  do {                                                                                    \
    if (::puna::Status status_here = (expression); !status_here.ok()) return status_here; \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): `target` may be a declaration, `result` is a name.
#define PUNA_JOIN_INNER(a, b) a##b
#define PUNA_JOIN(a, b) PUNA_JOIN_INNER(a, b)
#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_INNER(PUNA_JOIN(result_, __LINE__), target, expression)
#define ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                              \
  if (!result.ok()) return result.status();                \
  target = std::move(result).value()
// NOLINTEND(bugprone-macro-parentheses)
