#include "server/wire/framer.h"

#include "server/wire/startup.h"

namespace server::wire {

namespace {

constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);

// 0 for a type that no frontend sends there.
std::uint32_t length_max(char type, During during) {
  if (during == During::kStream && type != 'd' && type != 'c' && type != 'X') return 0;
  switch (type) {
    case 'X':  // Terminate
    case 'S':  // Sync
    case 'H':  // Flush
    case 'C':  // Close
    case 'D':  // Describe
    case 'E':  // Execute
    case 'c':  // CopyDone
    case 'f':  // CopyFail
      return kSmallMessageBytesMax;
    case 'Q':  // Query
      return kQueryBytesMax;
    case 'F':  // FunctionCall
    case 'B':  // Bind
    case 'P':  // Parse
    case 'd':  // CopyData
      return kLargeMessageBytesMax;
    default:
      return 0;
  }
}

CutResult incomplete(std::size_t wanted) {
  return {.cut = Cut::kIncomplete, .message = {}, .bytes_wanted = wanted};
}

constexpr std::size_t kHeaderBytes = 1 + kLengthBytes;

// With a limit of 0 no message of this type may be there. REQUIRES: bytes are not empty.
CutResult cut_up_to(std::span<const std::byte> bytes, std::uint32_t limit) {
  const char type = static_cast<char>(bytes[0]);
  if (limit == 0) return {.cut = Cut::kBadType, .message = {.type = type, .body = {}}};
  if (bytes.size() < kHeaderBytes) return incomplete(kHeaderBytes);
  const auto length = load_big_endian<std::uint32_t>(bytes.data() + 1);
  if (length < kLengthBytes || length > limit) return {.cut = Cut::kBadLength, .message = {}};
  const std::size_t whole = 1 + std::size_t{length};
  if (bytes.size() < whole) return incomplete(whole);
  return {.cut = Cut::kMessage,
          .message = {.type = type, .body = bytes.subspan(kHeaderBytes, length - kLengthBytes)},
          .bytes_used = whole};
}

}  // namespace

CutResult cut_message(std::span<const std::byte> bytes, During during) {
  if (bytes.empty()) return incomplete(kHeaderBytes);
  return cut_up_to(bytes, length_max(static_cast<char>(bytes[0]), during));
}

CutResult cut_password_message(std::span<const std::byte> bytes, std::uint32_t length_max) {
  if (bytes.empty()) return incomplete(kHeaderBytes);
  return cut_up_to(bytes, bytes[0] == std::byte{'p'} ? length_max : 0);
}

CutResult cut_startup_packet(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) return incomplete(kLengthBytes);
  const auto length = load_big_endian<std::uint32_t>(bytes.data());
  if (length < 2 * kLengthBytes || length > kStartupPacketBytesMax + kLengthBytes) {
    return {.cut = Cut::kBadLength, .message = {}};
  }
  if (bytes.size() < length) return incomplete(length);
  return {.cut = Cut::kMessage,
          .message = {.type = 0, .body = bytes.subspan(kLengthBytes, length - kLengthBytes)},
          .bytes_used = length};
}

}  // namespace server::wire
