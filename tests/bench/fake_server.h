#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "runtime/thread.h"

namespace bench::walbench {

// One connection of a scripted server, which blocks. A peer that goes away is no error: reads then
// give nothing.
class Peer {
 public:
  explicit Peer(runtime::UniqueFd fd);

  // A message of the client: its type, and its body.
  struct Message {
    char type = 0;  // 0 when the client is gone
    std::vector<std::byte> body;
  };
  Message receive();
  // Skips messages until one of this type, or the end.
  Message receive(char type);

  void send(std::span<const std::byte> bytes);
  void send_wal(std::uint64_t start, std::string_view wal);
  void send_keepalive(bool reply_requested);
  void send_copy_done();
  // What ends a stream on both sides.
  void send_stream_end();
  void send_shutdown();
  void send_error(const runtime::Error& error);

  // Start-up, IDENTIFY_SYSTEM (timeline 1, 0/1000028), SHOW (1MB) and CopyBothResponse.
  void log_in();
  std::string command() const { return command_; }  // the last one

 private:
  bool fill(std::span<std::byte> bytes);

  runtime::UniqueFd fd_;
  std::string command_;
};

// Takes one connection after another, and runs a script for each.
//   Owner: a test.  Thread: its own runs the script.
class FakeServer {
 public:
  using Script = std::function<void(Peer& peer)>;

  FakeServer(std::size_t connections, Script script);

  std::uint16_t port() const { return port_; }
  // Waits for all scripts to end.
  void join() { thread_.join(); }

 private:
  runtime::UniqueFd listen_fd_;
  std::uint16_t port_;
  runtime::NamedThread thread_;
};

}  // namespace bench::walbench
