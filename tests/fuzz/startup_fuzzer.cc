// The untyped packets that start a connection, and what a client sets for its session in them.
//   input: whether the client waits for answers, then its packets

#include <algorithm>
#include <array>
#include <memory>
#include <memory_resource>
#include <string>
#include <variant>
#include <vector>

#include "runtime/check.h"
#include "server/session/login.h"
#include "server/settings/settings.h"
#include "server/wal/format.h"
#include "server/wire/framer.h"
#include "tests/fuzz/input.h"
#include "tests/support/backend_messages.h"

namespace {

using server::session::Login;
using server::wire::MessageWriter;
using server::wire::StartupMessage;
using Bytes = std::vector<std::byte>;

constexpr server::wal::Identity kIdentity{
    .system_identifier = 1, .segment_size = {}, .page_magic = *server::wal::page_magic(18)};

const server::settings::Settings& settings() {
  static const server::settings::Settings kSettings = [] {
    server::settings::Settings made;
    server::settings::add_source_settings(kIdentity, made);
    made.set("wal_sender_timeout", "60s", "");
    return made;
  }();
  return kSettings;
}

void check_messages(std::span<const std::byte> bytes) {
  for (const std::string& line : tests::describe(bytes)) CHECK(line != "?");
}

void check_answer(Login::Next next, std::span<const std::byte> packet,
                  std::span<const std::byte> answer) {
  // No client speaks version 0.0; it is answered as any newer one.
  const auto version = server::wire::load_big_endian<std::uint32_t>(packet.data());
  const bool old = version != 0 && version >> 16 < 3;
  switch (next) {
    case Login::Next::kCancelled:
      CHECK(answer.empty());
      break;
    case Login::Next::kMore:
      CHECK(answer.size() == 1 && answer[0] == std::byte{'N'});
      break;
    case Login::Next::kRefused:
      CHECK(!answer.empty());
      if (old) {
        CHECK(tests::text_of(answer).starts_with("EFATAL:  ") && answer.back() == std::byte{0});
        break;
      }
      // An 'N' that declines encryption has no length behind it, which would begin with a zero.
      check_messages(answer[0] == std::byte{'N'} && answer[1] != std::byte{0} ? answer.subspan(1)
                                                                              : answer);
      break;
    case Login::Next::kIn:
      check_messages(answer);
      break;
    case Login::Next::kTls:
      CHECK(answer.size() == 1 && answer[0] == std::byte{'S'});
      break;
    case Login::Next::kLookUp:
    case Login::Next::kAskRole:
    case Login::Next::kCheck:
      UNREACHABLE();  // there are no rules
  }
}

// A start-up message, put together again from its parts, has the same parts.
void check_round_trip(std::span<const std::byte> packet) {
  const auto parsed = server::wire::parse_startup_packet(packet, true, true);
  const auto* message = parsed ? std::get_if<StartupMessage>(&*parsed) : nullptr;
  if (message == nullptr) return;
  Bytes bytes(sizeof(std::uint32_t));
  server::wire::store_big_endian(bytes.data(), message->version);
  const auto put = [&bytes](std::string_view text) {
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    bytes.push_back({});
  };
  for (const auto& [name, value] : message->parameters) put(name), put(value);
  for (const auto& option : message->protocol_options) put(option), put("");
  put("");
  // What the last byte is does not matter.
  if (message->protocol_options.empty()) {
    CHECK(bytes.size() == packet.size());
    CHECK(std::equal(bytes.begin(), bytes.end() - 1, packet.begin()));
  }
  const auto again = server::wire::parse_startup_packet(bytes, true, true);
  const auto& copy = std::get<StartupMessage>(*again);
  CHECK(copy.version == message->version && copy.parameters == message->parameters);
  CHECK(copy.protocol_options == message->protocol_options);
}

// As if a handshake had followed. What came before it is refused behind it, and no second one is
// granted.
bool shake_hands(Login& login) {
  MessageWriter out(std::pmr::get_default_resource());
  login.set_tls(std::make_shared<const server::auth::TlsState>());
  const Login::Next next = login.on_tls(out);
  CHECK(next == Login::Next::kMore ? out.bytes().empty() : next == Login::Next::kRefused);
  check_messages(out.bytes());
  return next == Login::Next::kMore;
}

// Returns whether the client may send another packet.
bool take(Login& login, std::span<const std::byte> body, bool more_bytes_follow, bool offers_tls) {
  const Bytes packet = tests::exact_copy(body);
  check_round_trip(packet);
  static const auto kReported = server::settings::reported_settings(kIdentity);
  runtime::Gauge wal_senders;
  const Login::Server server{.settings = settings(),
                             .reported_settings = kReported,
                             .newest_protocol = server::wire::kProtocolVersion32,
                             .wal_senders = wal_senders,
                             .max_wal_senders = 1,
                             .offers_tls = offers_tls};
  MessageWriter out(std::pmr::get_default_resource());
  const Login::Next next = login.take(packet, more_bytes_follow, server, out);
  check_answer(next, packet, out.bytes());
  CHECK(wal_senders.get() == (next == Login::Next::kIn ? 1 : 0));
  if (next == Login::Next::kIn) {
    const Login::Entry entry = login.take_entry();
    CHECK(!entry.client.user.empty() && entry.client.user.size() <= 63);
  }
  return next == Login::Next::kTls ? shake_hands(login) : next == Login::Next::kMore;
}

void take_stream(std::span<const std::byte> stream, bool client_waits, bool offers_tls) {
  Login login(/*process_id=*/1, /*too_many=*/false, {});
  for (;;) {
    const auto cut = login.cut(stream);
    if (cut.cut != server::wire::Cut::kMessage) return;
    stream = stream.subspan(cut.bytes_used);
    if (!take(login, cut.message.body, !client_waits && !stream.empty(), offers_tls)) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const auto kind = input.integer<std::uint8_t>();
  const bool client_waits = kind != 0;
  const bool offers_tls = (kind & 2) != 0;
  take_stream(input.rest(), client_waits, offers_tls);

  // Once more as one packet, whatever its length word says.
  input.take(sizeof(std::uint32_t));
  Login login(/*process_id=*/1, /*too_many=*/false, {});
  if (input.rest().size() >= sizeof(std::uint32_t)) take(login, input.rest(), false, offers_tls);
  return 0;
}
