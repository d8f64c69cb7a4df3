// Messages cut out of a stream that comes in pieces, as a session's input does.
//   input: how large the pieces are, then the stream

#include "server/wire/framer.h"

#include <cstring>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "tests/fuzz/input.h"

namespace {

using server::wire::Cut;
using server::wire::CutResult;
using Bytes = std::vector<std::byte>;
using Cutter = CutResult (*)(std::span<const std::byte>);

// Type and body of each message, and what ended the stream.
struct Stream {
  std::vector<std::pair<char, Bytes>> messages;
  Cut end;

  friend bool operator==(const Stream&, const Stream&) = default;
};

// What a cut promises about the bytes that it was given.
void check(std::span<const std::byte> bytes, const CutResult& cut) {
  switch (cut.cut) {
    case Cut::kMessage: {
      CHECK(cut.bytes_used > 0 && cut.bytes_used <= bytes.size());
      const auto body = cut.message.body;
      CHECK(body.size() < cut.bytes_used);
      CHECK(body.data() + body.size() == bytes.data() + cut.bytes_used);
      break;
    }
    case Cut::kIncomplete:
      CHECK(cut.bytes_used == 0);
      CHECK(cut.bytes_wanted > bytes.size());
      CHECK(cut.bytes_wanted <= 1 + std::size_t{server::wire::kLargeMessageBytesMax});
      break;
    case Cut::kBadLength:
    case Cut::kBadType:
      CHECK(cut.bytes_used == 0);
      break;
  }
}

// Cuts what comes in pieces of this size; of 0, in what each cut asks for.
Stream cut_all(Cutter cutter, std::span<const std::byte> stream, std::size_t piece) {
  Stream found{.messages = {}, .end = Cut::kIncomplete};
  Bytes kept;
  for (;;) {
    const Bytes bytes = tests::exact_copy(kept);
    const CutResult cut = cutter(bytes);
    check(bytes, cut);
    if (cut.cut == Cut::kMessage) {
      CHECK(piece != 0 || cut.bytes_used == bytes.size());  // it asked for no more than it needs
      found.messages.emplace_back(cut.message.type, tests::exact_copy(cut.message.body));
      kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(cut.bytes_used));
      continue;
    }
    found.end = cut.cut;
    if (cut.cut != Cut::kIncomplete || stream.empty()) return found;
    const std::size_t wanted = piece == 0 ? cut.bytes_wanted - bytes.size() : piece;
    const auto more = stream.first(std::min(wanted, stream.size()));
    kept.insert(kept.end(), more.begin(), more.end());
    stream = stream.subspan(more.size());
  }
}

void check_stream(Cutter cutter, std::span<const std::byte> stream, std::size_t piece) {
  const Stream whole = cut_all(cutter, stream, stream.size());
  CHECK(cut_all(cutter, stream, piece) == whole);
  CHECK(cut_all(cutter, stream, 0) == whole);
}

CutResult cut_between_streams(std::span<const std::byte> bytes) {
  return server::wire::cut_message(bytes, server::wire::During::kCommands);
}
CutResult cut_in_a_stream(std::span<const std::byte> bytes) {
  return server::wire::cut_message(bytes, server::wire::During::kStream);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const std::size_t piece = 1 + input.integer<std::uint8_t>();
  check_stream(cut_between_streams, input.rest(), piece);
  check_stream(cut_in_a_stream, input.rest(), piece);
  check_stream(server::wire::cut_startup_packet, input.rest(), piece);
  return 0;
}
