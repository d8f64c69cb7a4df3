#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/wire/codec.h"

namespace bench::forwarder {

// The server's half of the protocol, as far as a standby needs it before it streams.
//   Limits: values of at most 127 bytes.
class Answer {
 public:
  Answer& add(char type, std::string_view body) {
    std::byte length[sizeof(std::uint32_t)];
    server::wire::store_big_endian(length, static_cast<std::uint32_t>(body.size() + 4));
    bytes_ += type;
    bytes_.append(reinterpret_cast<const char*>(length), sizeof(length));
    bytes_ += body;
    return *this;
  }
  Answer& parameter(std::string_view name, std::string_view value) {
    return add('S', std::string(name) + '\0' + std::string(value) + '\0');
  }
  // One row of text, without a value where it is NULL.
  using Column = std::pair<std::string_view, std::optional<std::string_view>>;
  Answer& row(std::initializer_list<Column> columns) {
    std::string names{'\0', static_cast<char>(columns.size())};
    std::string values = names;
    for (const auto& [name, value] : columns) {
      names += std::string(name) + '\0' + std::string(kTextType);
      values += value ? std::string(3, '\0') + static_cast<char>(value->size()) : kNullLength;
      values += value.value_or("");
    }
    return add('T', names).add('D', values);
  }
  Answer& done(std::string_view tag) { return add('C', std::string(tag) + '\0').ready(); }
  Answer& error(std::string_view what) {
    return add('E', "SERROR" + std::string(1, '\0') + "C58P01" + '\0' + "M" + std::string(what) +
                        std::string(2, '\0'))
        .ready();
  }
  Answer& ready() { return add('Z', "I"); }
  const std::string& bytes() const { return bytes_; }

 private:
  // Of no table; type text (oid 25) of any length and modifier, in text format.
  static constexpr std::string_view kTextType{
      "\0\0\0\0\0\0"
      "\0\0\0\x19"
      "\xFF\xFF"
      "\xFF\xFF\xFF\xFF"
      "\0\0",
      18};
  static inline const std::string kNullLength{"\xFF\xFF\xFF\xFF"};

  std::string bytes_;
};

}  // namespace bench::forwarder
