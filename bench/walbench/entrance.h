#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "bench/walbench/berth.h"
#include "bench/walbench/channel.h"
#include "bench/walbench/login.h"
#include "runtime/result.h"

namespace bench::walbench {

// One standby's way to a stream: it connects, to one address after another, shakes hands if there
// is TLS, and logs in.
//   Owner: Standby, until it streams.  Thread: the worker's loop's.
//   Borrows: the berth and the channel.
//   Invariant: after an error nothing but its destructor is called.
class Entrance {
 public:
  struct Options {
    std::size_t standby;          // its number
    const TlsClientContext* tls;  // null without TLS
    std::string user;
  };
  Entrance(const Options& options, const Berth& berth, Channel& channel, Login login)
      : options_(options), berth_(berth), channel_(channel), login_(std::move(login)) {}

  runtime::Result<void> connect();
  // The connection is over a stream that has ended, and goes on as `plan` says.
  runtime::Result<void> resume(const StreamPlan& plan);

  // Whether the server's messages are awaited; until then whatever comes is for on_ready().
  bool logs_in() const { return stage_ == Stage::kLogin; }
  runtime::Result<void> on_ready(std::uint32_t events);
  // The stream, when the server has begun it.
  runtime::Result<std::optional<StreamPlan>> on_message(const BackendMessage& message);

  bool has_made_slot() const { return login_.has_made_slot(); }
  // What the server is to answer next, for a failure's text.
  const char* waits_for() const;

 private:
  enum class Stage { kConnecting, kHandshake, kLogin };

  runtime::Result<void> on_connected();
  runtime::Result<void> begin_login();
  runtime::Result<void> send(std::span<const std::byte> bytes);

  const Options options_;
  const Berth& berth_;
  Channel& channel_;
  Login login_;
  Stage stage_ = Stage::kConnecting;
  std::size_t next_address_ = 0;
};

}  // namespace bench::walbench
