// Messages cut off a client's bytes where they lie, beside copying each into a string of its own as
// a reader of one message at a time does.

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "server/wire/codec.h"
#include "server/wire/framer.h"

namespace {

constexpr std::size_t kMessages = 100;

std::uint32_t load_big_endian(const std::byte* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}

// CopyData messages as standbys send them: a standby status update has 34 bytes.
std::vector<std::byte> make_messages(std::size_t body) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < kMessages; ++i) {
    bytes.push_back(std::byte{'d'});
    const auto length = static_cast<std::uint32_t>(body + 4);
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::byte>(length >> shift));
    }
    bytes.push_back(std::byte{'r'});
    bytes.insert(bytes.end(), body - 1, std::byte{0});
  }
  return bytes;
}

void cut_in_place(benchmark::State& state) {
  const auto bytes = make_messages(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::span<const std::byte> left(bytes);
    std::size_t count = 0;
    while (!left.empty()) {
      const auto cut = server::wire::cut_message(left, server::wire::During::kStream);
      CHECK(cut.cut == server::wire::Cut::kMessage);
      benchmark::DoNotOptimize(cut.message.body.data());
      left = left.subspan(cut.bytes_used);
      ++count;
    }
    CHECK(count == kMessages);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMessages));
}

// As pqcomm.c does: the type, the length, then the body into a buffer that grows.
void copy_each(benchmark::State& state) {
  const auto bytes = make_messages(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const std::byte* at = bytes.data();
    const std::byte* const end = at + bytes.size();
    while (at != end) {
      const std::uint32_t length = load_big_endian(at + 1);
      std::string body(reinterpret_cast<const char*>(at + 5), length - 4);
      benchmark::DoNotOptimize(body.data());
      at += 1 + length;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMessages));
}

BENCHMARK(cut_in_place)->Arg(34)->Arg(300);
BENCHMARK(copy_each)->Arg(34)->Arg(300);

}  // namespace
