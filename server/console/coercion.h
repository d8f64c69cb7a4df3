#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/casts.h"
#include "server/console/typed.h"

namespace server::console {

// The types of a statement's parameters, and what makes an expression one of another type.
//   Owner: the function that analyses a statement.  Thread: any.  Borrows: the statement's text.
class Coercion {
 public:
  // Of these parameters the client has named the types; kUnknown for one that it leaves open.
  Coercion(std::string_view text, std::vector<Type> parameters)
      : text_(text), parameters_(std::move(parameters)) {}

  std::string_view text() const { return text_; }
  // The error with its position.
  runtime::Error error(const runtime::ErrorKind& kind, std::string what, std::size_t begin,
                       std::string hint = {}) const;
  runtime::Error not_supported(std::string_view what, std::size_t begin) const;

  runtime::Result<Typed> parameter(std::size_t number, std::size_t begin);
  // As far as they are known; what stays open is text in the end.
  const std::vector<Type>& parameters() const { return parameters_; }

  // Makes the expression one of that type, if that is possible without a cast. Returns false if it
  // is not; an error is that of a literal that cannot be read, or a parameter with two types.
  runtime::Result<bool> coerce(Typed& value, Type to);
  // The same, or 42804 "argument of WHERE must be type boolean, not type integer".
  runtime::Result<void> require(Typed& value, Type to, std::string_view of);
  // expr::type.
  runtime::Result<Typed> cast(Typed value, Type to);
  runtime::Result<Type> type_of(const TypeName& name) const;
  // Makes all of them one of a common type, which is text if all are unknown. `of` is "CASE",
  // "UNION" or its like, for 42804.
  runtime::Result<Type> unify(std::span<Typed> values, std::string_view of);
  // What is unknown still becomes text.
  runtime::Result<void> settle(Typed& value);

 private:
  std::string_view text_;
  std::vector<Type> parameters_;
};

}  // namespace server::console
