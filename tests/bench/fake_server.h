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

  // What is no message; false if the client is gone.
  bool receive_bytes(std::span<std::byte> bytes) { return fill(bytes); }

  void send(std::span<const std::byte> bytes);
  void send_wal(std::uint64_t start, std::string_view wal);
  void send_keepalive(bool reply_requested);
  void send_copy_done();
  // What ends a stream on both sides.
  void send_stream_end();
  void send_shutdown();
  void send_error(const runtime::Error& error);

  // Start-up, IDENTIFY_SYSTEM (timeline 1, 0/1000028), SHOW (1MB), perhaps
  // CREATE_REPLICATION_SLOT, and CopyBothResponse. False if the client has gone.
  bool log_in();
  // The next command of the client. Empty when it is gone.
  std::string receive_command();
  std::string command() const { return command_; }            // the last one
  std::string slot_command() const { return slot_command_; }  // CREATE_REPLICATION_SLOT
  // The answers to a command that has no rows, and to one that begins a stream.
  void send_done(std::string_view tag);
  void send_copy_both();
  // What ends a stream where a timeline ends and another follows, behind CopyDone.
  void send_next_timeline(std::string_view timeline, std::string_view start);

 private:
  bool fill(std::span<std::byte> bytes);

  runtime::UniqueFd fd_;
  std::string command_;
  std::string slot_command_;
};

// Takes one connection after another, and runs a script for each.
//   Owner: a test.  Thread: its own runs the script.
class FakeServer {
 public:
  using Script = std::function<void(Peer& peer)>;

  FakeServer(std::size_t connections, Script script);
  // Takes as many connections as come until stop().
  static constexpr std::size_t kAny = ~std::size_t{0};

  std::uint16_t port() const { return port_; }
  // Waits for all scripts to end.
  void join() { thread_.join(); }
  // Takes no further connection, and waits for the script that runs.
  void stop();

 private:
  runtime::UniqueFd listen_fd_;
  std::uint16_t port_;
  runtime::NamedThread thread_;
};

}  // namespace bench::walbench
