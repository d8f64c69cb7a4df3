#pragma once

// Operating errors travel as values: Result<T> holds a T or an Error, and TRY passes an Error on.
// The member names are those of std::expected, which C++20 lacks.

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "runtime/check.h"

namespace runtime {

// What went wrong, as a kind that code can compare (by address) and a peer can be shown: `code` is
// the SQLSTATE of PostgreSQL's src/backend/utils/errcodes.txt. Each folder defines its own.
struct ErrorKind {
  std::string_view name;
  std::string_view code;
};

// An operating error: a peer gone, a file missing, a full disk. `what`, `detail` and `hint` are
// what PostgreSQL calls message, detail and hint; the last two may be empty. `position` is the
// character of a statement that it is about (cursorpos), from 1; 0 if it is about none.
struct Error {
  const ErrorKind* kind;
  std::string what;
  std::string detail = {};
  std::string hint = {};
  int sys_errno = 0;
  int position = 0;
};

// An Error on its way into a Result<T> of any T.
struct Fail {
  Error error;
  explicit Fail(Error e) : error(std::move(e)) {}
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit*)
  Result(Fail fail) : state_(std::in_place_index<1>, std::move(fail.error)) {}  // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}     // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: has_value().
  T& value() & { return *get(); }
  const T& value() const& { return *const_cast<Result*>(this)->get(); }
  T value() && { return std::move(*get()); }
  T& operator*() & { return *get(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*get()); }
  T* operator->() { return get(); }
  const T* operator->() const { return const_cast<Result*>(this)->get(); }

  // REQUIRES: !has_value().
  const Error& error() const& {
    CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error error() && {
    CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  T* get() {
    CHECK(has_value());
    return std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Fail fail) : error_(std::move(fail.error)), failed_(true) {}  // NOLINT
  Result(Error error) : error_(std::move(error)), failed_(true) {}     // NOLINT

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  void value() const { CHECK(has_value()); }

  // REQUIRES: !has_value().
  const Error& error() const& {
    CHECK(failed_);
    return error_;
  }
  Error error() && {
    CHECK(failed_);
    return std::move(error_);
  }

 private:
  Error error_{};
  bool failed_ = false;
};

}  // namespace runtime

// The value of a Result, or return its Error from the enclosing function:
//   auto fd = TRY(open_file(path));
// Where it returns, what the same expression has built so far is not destroyed: a TRY in braces
// does not stand behind a member that has a destructor.
#define TRY(expression)                                                                 \
  __extension__({                                                                       \
    auto try_result = (expression);                                                     \
    if (!try_result.has_value()) return ::runtime::Fail(std::move(try_result).error()); \
    std::move(try_result).value();                                                      \
  })
