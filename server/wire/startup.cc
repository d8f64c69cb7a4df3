#include "server/wire/startup.h"

#include <array>

#include "runtime/format.h"
#include "server/wire/codec.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::wire {

namespace {

constexpr std::uint32_t kCancelRequestCode = 80877102;
constexpr std::uint32_t kSslRequestCode = 80877103;
constexpr std::uint32_t kGssRequestCode = 80877104;

runtime::Error unsupported_version(std::uint32_t version, std::uint32_t newest) {
  return {
      .kind = &kFeatureNotSupported,
      .what = runtime::format("unsupported frontend protocol {}.{}: server supports 3.0 to 3.{}",
                              version >> 16, version & 0xFFFF, newest & 0xFFFF)};
}

runtime::Error invalid_layout() {
  return {.kind = &kProtocolViolation,
          .what = "invalid startup packet layout: expected terminator as last byte"};
}

// As ProcessStartupPacket walks the parameters, whose buffer has a zero byte behind the packet:
// what counts is that the last name begins at the last byte, whatever that is.
runtime::Result<StartupPacket> parse_startup_message(std::uint32_t version,
                                                     std::span<const std::byte> body) {
  StartupMessage message{.version = version, .parameters = {}, .protocol_options = {}};
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  const auto string_at = [&](std::size_t offset) {
    return text.substr(offset, text.substr(offset).find('\0'));
  };
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::string_view name = string_at(offset);
    const std::size_t value_offset = offset + name.size() + 1;
    if (name.empty() || value_offset >= text.size()) break;
    const std::string_view value = string_at(value_offset);
    if (name == "replication") TRY(parse_replication_mode(value));  // before the layout is judged
    if (name.starts_with("_pq_.")) {
      message.protocol_options.push_back(name);
    } else {
      message.parameters.emplace_back(name, value);
    }
    offset = value_offset + value.size() + 1;
  }
  if (offset + 1 != text.size()) return invalid_layout();
  return StartupPacket(std::move(message));
}

}  // namespace

std::size_t StartupMessage::kept_bytes() const {
  return parameters.capacity() * sizeof(parameters[0]) +
         protocol_options.capacity() * sizeof(protocol_options[0]);
}

runtime::Result<StartupPacket> parse_startup_packet(std::span<const std::byte> body,
                                                    bool ssl_answered, bool gss_answered,
                                                    std::uint32_t newest) {
  ByteReader reader(body);
  const auto code = TRY(reader.integer<std::uint32_t>());
  if (code == kCancelRequestCode) {
    // A client that cancels is never answered, whatever is wrong with its request: the empty
    // request that this returns matches no session.
    if (reader.rest().size() <= sizeof(std::uint32_t)) return StartupPacket(CancelRequest{});
    const auto process_id = TRY(reader.integer<std::uint32_t>());
    return StartupPacket(CancelRequest{process_id, reader.rest()});
  }
  if (code == kSslRequestCode && !ssl_answered) {
    return StartupPacket(EncryptionRequest{EncryptionRequest::Kind::kSsl});
  }
  if (code == kGssRequestCode && !gss_answered) {
    return StartupPacket(EncryptionRequest{EncryptionRequest::Kind::kGss});
  }
  if (code >> 16 != 3) return unsupported_version(code, newest);
  return parse_startup_message(code, reader.rest());
}

runtime::Result<ReplicationMode> parse_replication_mode(std::string_view value) {
  if (value == "database") return ReplicationMode::kDatabase;
  const auto flag = parse_bool(value);
  if (!flag.has_value()) {
    return runtime::Error{
        .kind = &kInvalidParameterValue,
        .what = runtime::format("invalid value for parameter \"replication\": \"{}\"", value),
        .hint = "Valid values are: \"false\", 0, \"true\", 1, \"database\"."};
  }
  return *flag ? ReplicationMode::kPhysical : ReplicationMode::kNone;
}

}  // namespace server::wire
