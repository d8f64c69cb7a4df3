#pragma once

// The values that go in and come out of a statement, as the protocol has them.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace server::console {

// A column of an answer, as RowDescription has it. The table's OID and the attribute number are 0.
struct ResultColumn {
  std::string name;
  std::uint32_t type = 0;        // its OID
  std::int16_t type_bytes = -1;  // typlen; -1 if values differ in length
  std::int32_t type_modifier = -1;
};

enum class Format : std::int16_t { kText = 0, kBinary = 1 };

// The value of a parameter as Bind has it; none is null.
struct Parameter {
  Format format = Format::kText;
  std::optional<std::string_view> value;
};

// Takes one row; a value that is not there is null. The views last for the call.
using RowSink = std::function<void(std::span<const std::optional<std::string_view>> values)>;

// How far a fetch has come.
struct Fetched {
  bool suspended = false;  // more rows may follow: PortalSuspended, or just the next fetch
  std::string tag;         // else: of CommandComplete, "SELECT 3"; empty for an empty statement
};

}  // namespace server::console
