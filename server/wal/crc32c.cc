#include "server/wal/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace server::wal {

namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

using Table = std::array<std::uint32_t, 256>;

// Table n tells what a byte does to the CRC when n more bytes follow it.
constexpr std::array<Table, 8> make_slices() {
  std::array<Table, 8> slices{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    slices[0][byte] = crc;
  }
  for (std::size_t n = 1; n < 8; ++n) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = slices[n - 1][byte];
      slices[n][byte] = (crc >> 8) ^ slices[0][crc & 0xFF];
    }
  }
  return slices;
}

constexpr std::array<Table, 8> kSlices = make_slices();

std::uint64_t load_word(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

#if defined(__x86_64__)

[[gnu::target("sse4.2")]] inline std::uint32_t step_word(std::uint32_t state, std::uint64_t word) {
  return static_cast<std::uint32_t>(_mm_crc32_u64(state, word));
}

[[gnu::target("sse4.2")]] inline std::uint32_t step_byte(std::uint32_t state, std::byte byte) {
  return _mm_crc32_u8(state, static_cast<std::uint8_t>(byte));
}

// The instruction takes three cycles, but one can start in each: so long runs are cut into three
// lanes that advance together, and a table moves the CRC of a lane across the lane after it.
constexpr std::size_t kLaneBytes = 1024;
constexpr std::size_t kLaneWords = kLaneBytes / 8;

// For each byte of a CRC, what becomes of it when kLaneBytes zeros follow. CRC is linear, so the
// four contributions only need an exclusive or.
constexpr std::array<Table, 4> make_lane_shift() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = std::uint32_t{1} << bit;
    for (std::size_t n = 0; n < kLaneBytes; ++n) crc = (crc >> 8) ^ kSlices[0][crc & 0xFF];
    of_bit[bit] = crc;
  }
  std::array<Table, 4> shift{};
  for (std::size_t position = 0; position < 4; ++position) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) shift[position][byte] ^= of_bit[position * 8 + bit];
      }
    }
  }
  return shift;
}

constexpr std::array<Table, 4> kLaneShift = make_lane_shift();

std::uint32_t shift_lane(std::uint32_t crc) {
  return kLaneShift[0][crc & 0xFF] ^ kLaneShift[1][crc >> 8 & 0xFF] ^
         kLaneShift[2][crc >> 16 & 0xFF] ^ kLaneShift[3][crc >> 24];
}

[[gnu::target("sse4.2")]] std::uint32_t three_lanes(std::uint32_t state, const std::byte* at) {
  std::uint32_t second = 0;
  std::uint32_t third = 0;
  for (std::size_t n = 0; n < kLaneWords; ++n, at += 8) {
    state = step_word(state, load_word(at));
    second = step_word(second, load_word(at + kLaneBytes));
    third = step_word(third, load_word(at + 2 * kLaneBytes));
  }
  return shift_lane(shift_lane(state) ^ second) ^ third;
}

[[gnu::target("sse4.2")]] std::uint32_t crc32c_instruction(std::uint32_t state,
                                                           std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLaneBytes; left -= 3 * kLaneBytes, at += 3 * kLaneBytes) {
    state = three_lanes(state, at);
  }
  for (; left >= 8; left -= 8, at += 8) state = step_word(state, load_word(at));
  for (; left > 0; --left, ++at) state = step_byte(state, *at);
  return state;
}

Crc32cFunction find_hardware() {
  return __builtin_cpu_supports("sse4.2") != 0 ? crc32c_instruction : nullptr;
}

#else

Crc32cFunction find_hardware() { return nullptr; }

#endif

const Crc32cFunction kHardware = find_hardware();
const Crc32cFunction kBest = kHardware != nullptr ? kHardware : crc32c_portable;

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t state, std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_word(at) ^ state;
    state = 0;
    for (std::size_t n = 0; n < 8; ++n) state ^= kSlices[7 - n][word >> (8 * n) & 0xFF];
  }
  for (; left > 0; --left, ++at) {
    state = (state >> 8) ^ kSlices[0][(state ^ static_cast<std::uint32_t>(*at)) & 0xFF];
  }
  return state;
}

Crc32cFunction crc32c_hardware() { return kHardware; }

Crc32c& Crc32c::update(std::span<const std::byte> bytes) {
  state_ = kBest(state_, bytes);
  return *this;
}

}  // namespace server::wal
