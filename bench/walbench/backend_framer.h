#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "server/wal/lsn.h"
#include "server/wire/replication.h"

namespace bench::walbench {

// A message of the server other than XLogData. The body is valid until the next call of next().
struct BackendMessage {
  char type = 0;
  std::span<const std::byte> body;
};

// What stands before the WAL in an XLogData message.
struct WalHeader {
  server::wal::Lsn start;
  server::wal::Lsn server_end;
  server::wire::PgTimestamp send_time = 0;
  std::uint64_t bytes = 0;
};

// Cuts what a server sends into messages, without ever holding their WAL: that is handed on in the
// pieces in which it came, or skipped.
//   Owner: Standby.  Thread: the owner's.
//   Limits: kMessageBytesMax per message, kWalBytesMax of WAL in one. While WAL streams it holds
//   less than a header, and allocates nothing.
class BackendFramer {
 public:
  static constexpr std::uint32_t kMessageBytesMax = 64 * 1024;
  static constexpr std::uint32_t kWalBytesMax = 1 << 30;

  enum class Item {
    kNone,       // the input is used up
    kMessage,    // message()
    kWalHeader,  // header() of an XLogData message, whose WAL follows
    kWal,        // wal(), the next piece of it
    kBroken,     // this is no message; nothing can follow
  };

  BackendFramer() { held_.reserve(64); }

  // Takes the next item off the front of `input`.
  Item next(std::span<const std::byte>& input);

  const BackendMessage& message() const { return message_; }
  const WalHeader& header() const { return header_; }
  // Valid as long as the input.
  std::span<const std::byte> wal() const { return wal_; }
  // How much WAL of the current XLogData message is still to come.
  std::uint64_t wal_left() const { return wal_left_; }
  // That much of it came, and was dropped. REQUIRES: bytes <= wal_left().
  void skip(std::uint64_t bytes);

 private:
  Item take(std::span<const std::byte> item);

  std::vector<std::byte> held_;  // the begin of an item that has not come in whole
  bool held_is_used_ = false;    // message_ points into it
  BackendMessage message_;
  WalHeader header_;
  std::span<const std::byte> wal_;
  std::uint64_t wal_left_ = 0;
};

}  // namespace bench::walbench
