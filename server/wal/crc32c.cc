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

// A CRC is a polynomial of degree 31 at most, of which bit 31 is the coefficient of x^0. Products
// are taken modulo the CRC's own polynomial.
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

// At n: x to the power of 8 * 2^n, which is what 2^n bytes of zeros multiply a CRC by.
constexpr std::array<std::uint32_t, 64> make_powers() {
  std::array<std::uint32_t, 64> powers{kOne >> 8};
  for (std::size_t n = 1; n < powers.size(); ++n) {
    powers[n] = multiply(powers[n - 1], powers[n - 1]);
  }
  return powers;
}

constexpr std::array<std::uint32_t, 64> kPowers = make_powers();

// What becomes of a CRC when so many zeros follow.
constexpr std::uint32_t shift(std::uint32_t crc, std::uint64_t zeros) {
  for (std::size_t n = 0; zeros != 0; ++n, zeros >>= 1) {
    if ((zeros & 1) != 0) crc = multiply(kPowers[n], crc);
  }
  return crc;
}

template <typename Word>
Word load(const std::byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

#if defined(__x86_64__)

[[gnu::target("sse4.2")]] inline std::uint32_t step_word(std::uint32_t state, std::uint64_t word) {
  return static_cast<std::uint32_t>(_mm_crc32_u64(state, word));
}

// The instruction takes three cycles, but one can start in each: so long runs are cut into three
// lanes that advance together, and a table moves the CRC of a lane across the lane after it. What
// is too short for the long lanes goes through short ones: most records are.
constexpr std::size_t kLongLaneBytes = 1024;
constexpr std::size_t kShortLaneBytes = 128;

// For each byte of a CRC, what becomes of it when a lane of zeros follows. CRC is linear, so the
// four contributions only need an exclusive or.
constexpr std::array<Table, 4> make_lane_shift(std::size_t lane_bytes) {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    of_bit[bit] = shift(std::uint32_t{1} << bit, lane_bytes);
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

template <std::size_t lane_bytes>
constexpr std::array<Table, 4> kLaneShift = make_lane_shift(lane_bytes);

template <std::size_t lane_bytes>
std::uint32_t shift_lane(std::uint32_t crc) {
  const auto& table = kLaneShift<lane_bytes>;
  return table[0][crc & 0xFF] ^ table[1][crc >> 8 & 0xFF] ^ table[2][crc >> 16 & 0xFF] ^
         table[3][crc >> 24];
}

// Takes three lanes off the begin of `bytes`, as often as they are there.
template <std::size_t lane_bytes>
[[gnu::target("sse4.2")]] std::uint32_t three_lanes(std::uint32_t state,
                                                    std::span<const std::byte>& bytes) {
  for (; bytes.size() >= 3 * lane_bytes; bytes = bytes.subspan(3 * lane_bytes)) {
    const std::byte* at = bytes.data();
    std::uint32_t second = 0;
    std::uint32_t third = 0;
    for (std::size_t n = 0; n < lane_bytes / 8; ++n, at += 8) {
      state = step_word(state, load<std::uint64_t>(at));
      second = step_word(second, load<std::uint64_t>(at + lane_bytes));
      third = step_word(third, load<std::uint64_t>(at + 2 * lane_bytes));
    }
    state = shift_lane<lane_bytes>(shift_lane<lane_bytes>(state) ^ second) ^ third;
  }
  return state;
}

[[gnu::target("sse4.2")]] std::uint32_t crc32c_instruction(std::uint32_t state,
                                                           std::span<const std::byte> bytes) {
  state = three_lanes<kLongLaneBytes>(state, bytes);
  state = three_lanes<kShortLaneBytes>(state, bytes);
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) state = step_word(state, load<std::uint64_t>(at));
  if ((left & 4) != 0) {
    state = _mm_crc32_u32(state, load<std::uint32_t>(at));
    at += 4;
  }
  if ((left & 2) != 0) {
    state = _mm_crc32_u16(state, load<std::uint16_t>(at));
    at += 2;
  }
  if ((left & 1) != 0) state = _mm_crc32_u8(state, std::to_integer<std::uint8_t>(*at));
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
    const std::uint64_t word = load<std::uint64_t>(at) ^ state;
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

Crc32c Crc32c::of_rest() {
  Crc32c rest;
  rest.state_ = 0;
  return rest;
}

Crc32c& Crc32c::append(const Crc32c& rest, std::uint64_t size) {
  state_ = shift(state_, size) ^ rest.state_;
  return *this;
}

}  // namespace server::wal
