#include "server/verify/compressed.h"

#include <algorithm>
#include <array>
#include <utility>

namespace server::verify {

using wal::FileName;

namespace {

constexpr std::array<std::string_view, 11> kSuffixes{
    ".gz", ".lz4", ".zst", ".zstd", ".bz2", ".xz", ".lzma", ".br", ".lzo", ".sz", ".Z"};

// Little-endian, as a page's magic number is read.
constexpr std::array<std::pair<std::uint64_t, std::string_view>, 5> kMagics{
    {{0x8B1F, "gzip"}, {0xB528, "zstd"}, {0x2204, "lz4"}, {0x5A42, "bzip2"}, {0x37FD, "xz"}}};

constexpr std::size_t kChecksumDigits = 40;

bool take_suffix(std::string_view& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return true;
}

// "-" and a SHA-1 in hexadecimal.
void take_checksum(std::string_view& name) {
  const auto dash = name.rfind('-');
  if (dash == name.npos || name.size() - dash - 1 != kChecksumDigits) return;
  const bool is_hex = name.find_first_not_of("0123456789abcdef", dash + 1) == name.npos;
  if (is_hex) name = name.substr(0, dash);
}

}  // namespace

std::optional<FileName> parse_compressed_name(std::string_view entry) {
  std::string_view name = entry;
  const bool is_partial = take_suffix(name, wal::kPartialSuffix);
  const bool is_compressed =
      std::any_of(kSuffixes.begin(), kSuffixes.end(),
                  [&](std::string_view suffix) { return take_suffix(name, suffix); });
  if (!is_compressed) return std::nullopt;
  take_checksum(name);
  auto parsed = wal::parse_file_name(name);
  if (!parsed.has_value() || !is_partial) return parsed;
  if (parsed->kind != FileName::Kind::kSegment) return std::nullopt;
  parsed->kind = FileName::Kind::kPartial;
  return parsed;
}

std::string_view compression_of(std::uint64_t first_bytes) {
  const auto found = std::find_if(kMagics.begin(), kMagics.end(),
                                  [&](const auto& magic) { return magic.first == first_bytes; });
  return found == kMagics.end() ? std::string_view() : found->second;
}

}  // namespace server::verify
