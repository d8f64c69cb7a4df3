#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace server::auth {

// "malformed SCRAM message", with what is wrong.
runtime::Error malformed_scram(std::string detail);
// One byte, or the first 30 of a text, as an error may show them (sanitize_char, sanitize_str).
std::string printable(char c);
std::string printable(std::string_view text);

// Walks over the attributes of a SCRAM message: "a=value", separated by commas.
//   Owner: the function that reads a message.  Thread: its.
//   Borrows: the message.
class ScramReader {
 public:
  explicit ScramReader(std::string_view message) : message_(message) {}

  // The next byte; a NUL at the end, where PostgreSQL has one.
  char peek() const { return at_ < message_.size() ? message_[at_] : '\0'; }
  bool at_end() const { return at_ == message_.size(); }
  // REQUIRES: !at_end().
  void skip();
  std::size_t position() const { return at_; }
  std::string_view rest() const { return message_.substr(at_); }

  // Takes an attribute and the comma behind it. The attribute must be `name`, or may be any letter.
  runtime::Result<std::string_view> read(char name);
  struct Attribute {
    char name;
    std::string_view value;
  };
  runtime::Result<Attribute> read_any();

 private:
  runtime::Result<std::string_view> read_value(char name);

  const std::string_view message_;
  std::size_t at_ = 0;
};

}  // namespace server::auth
