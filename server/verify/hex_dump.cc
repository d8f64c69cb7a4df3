#include "server/verify/hex_dump.h"

#include <algorithm>

#include "runtime/format.h"

namespace server::verify {

namespace {

constexpr std::size_t kLineBytes = 16;

std::string line_of(std::span<const std::byte> bytes, wal::Lsn at, bool is_marked) {
  std::string hex;
  std::string text;
  for (std::size_t i = 0; i < kLineBytes; ++i) {
    if (i == kLineBytes / 2) hex += ' ';
    if (i >= bytes.size()) {
      hex += "   ";
      continue;
    }
    const auto byte = std::to_integer<unsigned char>(bytes[i]);
    hex += runtime::format("{:02x} ", byte);
    text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
  }
  return runtime::format("{} {:<17} {} |{}|\n", is_marked ? '>' : ' ', wal::to_string(at), hex,
                         text);
}

}  // namespace

std::string hex_dump(std::span<const std::byte> bytes, wal::Lsn begin, wal::Lsn marked) {
  std::string lines;
  for (wal::Lsn at = begin; !bytes.empty(); at += kLineBytes) {
    const auto line = bytes.first(std::min(bytes.size(), kLineBytes));
    lines += line_of(line, at, at <= marked && marked < at + kLineBytes);
    bytes = bytes.subspan(line.size());
  }
  return lines;
}

}  // namespace server::verify
