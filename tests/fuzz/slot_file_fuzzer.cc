// The state files of slots.
//   input: whether the header's constants and the checksum are put right; a place; then the file

#include <cstring>

#include "runtime/check.h"
#include "server/slot/errors.h"
#include "server/slot/name.h"
#include "server/slot/slot_file.h"
#include "server/wal/crc32c.h"
#include "tests/fuzz/input.h"

namespace {

using server::slot::SlotState;

constexpr std::size_t kChecksumAt = 4;
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kDataAt = 16;
constexpr std::uint32_t kNewest = 3;

// Random bytes hardly ever have these right, and would never be looked at more closely.
void mend_header(std::vector<std::byte>& file, std::uint32_t version) {
  const auto sample = server::slot::encode({.name = "a", .restart_lsn = server::wal::Lsn(1)});
  if (file.size() < kDataAt) return;
  std::memcpy(file.data(), sample.data(), kDataAt);
  if (version == kNewest) return;
  const std::size_t size =
      version == 1 ? server::slot::kStateFileBytesV1 : server::slot::kStateFileBytesV2;
  const std::uint32_t header[]{version, static_cast<std::uint32_t>(size - kDataAt)};
  std::memcpy(&file[kVersionAt], header, sizeof(header));
}
void mend_checksum(std::vector<std::byte>& file) {
  if (file.size() < kDataAt) return;
  const std::uint32_t checksum = server::wal::crc32c(std::span(file).subspan(kVersionAt));
  std::memcpy(&file[kChecksumAt], &checksum, sizeof(checksum));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const auto mended = input.integer<std::uint8_t>();
  const std::size_t place = input.integer<std::uint8_t>();
  std::vector<std::byte> file = tests::exact_copy(input.rest());
  if ((mended & 1) != 0) mend_header(file, (mended & 4) != 0 ? 1 : (mended & 8) != 0 ? 2 : kNewest);
  if ((mended & 2) != 0) mend_checksum(file);

  const auto state = server::slot::decode(file, "a.slot");
  if (!state) {
    CHECK(state.error().kind == &server::slot::kDataCorrupted);
    CHECK(state.error().what.find("a.slot") != std::string::npos);
    return 0;
  }
  // Nothing but what encode() makes is taken, or has made, and no byte of it may be another.
  CHECK(server::slot::validate_name(state->name).has_value());
  const auto encoded = server::slot::encode(*state);
  if (file.size() < server::slot::kStateFileBytes) {
    const bool is_first = file.size() == server::slot::kStateFileBytesV1;
    CHECK(is_first || file.size() == server::slot::kStateFileBytesV2);
    CHECK(std::equal(file.begin() + kDataAt, file.end(), encoded.begin() + kDataAt));
    CHECK(!is_first || state->xmin == server::wal::Xmin{});
    CHECK(state->owner.empty());
  } else {
    CHECK(std::equal(file.begin(), file.end(), encoded.begin(), encoded.end()));
  }
  file[place % file.size()] ^= std::byte{1};
  CHECK(!server::slot::decode(file, "a.slot"));
  return 0;
}
