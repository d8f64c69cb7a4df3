// A client's bytes on their way through TLS, cut anywhere and changed anywhere.
//   input: what is changed, then how the client's records are cut, then what it sends within them

#include <sys/socket.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "runtime/tls_channel.h"
#include "runtime/tls_context.h"
#include "tests/fuzz/input.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

namespace {

using runtime::IoResult;
using runtime::TlsChannel;

// Names of a client's certificate are asked for, so that these messages come too.
std::shared_ptr<const runtime::TlsContext> make_context() {
  ::signal(SIGPIPE, SIG_IGN);
  const tests::TempDir directory;
  const tests::Authority authority("fuzz");
  const auto own = authority.issue(directory, {.common_name = "server"});
  auto made = runtime::TlsContext::load({.certificate_file = own.certificate,
                                         .private_key_file = own.key,
                                         .ca_file = authority.certificate(directory),
                                         .alpn = "postgresql"});
  CHECK(made.has_value());
  return *made;
}

// A socket of the client's, one of the server's, and the way between them, on which bytes of the
// client are cut and changed.
class Way {
 public:
  Way(tests::FuzzInput& input, std::uint32_t changed_at, std::uint8_t change)
      : input_(input), changed_at_(changed_at), change_(change) {}

  int client() const { return left_.ours.get(); }
  int server() const { return right_.ours.get(); }
  bool was_changed() const { return passed_ > changed_at_ && change_ != 0; }
  // Carries what the client has said, a piece of it at a time; what is left waits.
  void carry_piece() {
    tests::receive_into(waiting_, left_.peer.get());
    const std::size_t bytes = std::min<std::size_t>(waiting_.size(), input_.length() + 1);
    for (std::size_t i = 0; i < bytes; ++i, ++passed_) {
      if (passed_ == changed_at_) waiting_[i] = static_cast<char>(waiting_[i] ^ change_);
    }
    pass(right_.peer.get(), waiting_.substr(0, bytes));
    waiting_.erase(0, bytes);
  }
  void carry_answer() {
    std::string answer;
    tests::receive_into(answer, right_.peer.get());
    pass(left_.peer.get(), answer);
  }
  bool is_empty() {
    tests::receive_into(waiting_, left_.peer.get());
    return waiting_.empty();
  }

 private:
  static void pass(int fd, const std::string& bytes) {
    if (!bytes.empty()) ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  tests::FuzzInput& input_;
  const std::uint32_t changed_at_;
  const std::uint8_t change_;
  std::uint32_t passed_ = 0;
  std::string waiting_;
  tests::SocketPair left_;
  tests::SocketPair right_;
};

// Garbage alone: no handshake is made of it.
void play_garbage(std::span<const std::byte> bytes) {
  static const auto kContext = make_context();
  tests::SocketPair sockets;
  TlsChannel channel(kContext, sockets.ours.get());
  if (!bytes.empty()) ::send(sockets.peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  const auto step = channel.shake_hands();
  CHECK(step == TlsChannel::Step::kWantsInput || step == TlsChannel::Step::kFailed);
  sockets.peer.reset();
  if (step == TlsChannel::Step::kWantsInput) {
    CHECK(channel.shake_hands() == TlsChannel::Step::kFailed);
  }
  CHECK(channel.failure().what.starts_with("could not accept SSL connection: "));
}

void play_client(tests::FuzzInput& input) {
  static const auto kContext = make_context();
  const auto version_max = input.integer<std::uint8_t>() % 2 == 0 ? TLS1_2_VERSION : 0;
  const auto changed_at = input.length();
  const auto change = input.integer<std::uint8_t>();
  Way way(input, changed_at, change);
  TlsChannel channel(kContext, way.server());
  tests::TlsClient client(way.client(), {.version_max = version_max});
  auto step = TlsChannel::Step::kWantsInput;
  for (int round = 0; round < 5000 && step != TlsChannel::Step::kDone; ++round) {
    client.connect();
    way.carry_piece();
    step = channel.shake_hands();
    if (step == TlsChannel::Step::kFailed) break;
    way.carry_answer();
  }
  CHECK(step == TlsChannel::Step::kDone || way.was_changed());
  if (step != TlsChannel::Step::kDone) return;
  CHECK(channel.agreement().has_value());
  client.connect();
  const std::string sent(reinterpret_cast<const char*>(input.rest().data()), input.rest().size());
  if (!sent.empty()) client.send(sent);
  std::string received;
  std::vector<std::byte> buffer(1 + changed_at % 40'000);
  IoResult::Status status = IoResult::Status::kBlocked;
  while (!way.is_empty()) {
    way.carry_piece();
    for (IoResult result = channel.receive(buffer);
         (status = result.status) == IoResult::Status::kDone; result = channel.receive(buffer)) {
      received.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
    if (status != IoResult::Status::kBlocked) break;
    CHECK(!channel.has_unread());
  }
  // All that arrives is what was sent, and all of it arrives unless it was changed.
  CHECK(sent.starts_with(received));
  CHECK(received == sent || way.was_changed());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  if (input.integer<std::uint8_t>() % 4 == 0) {
    play_garbage(input.rest());
  } else {
    play_client(input);
  }
  return 0;
}
