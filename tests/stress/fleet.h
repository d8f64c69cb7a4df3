#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "server/wal/lsn.h"
#include "tests/support/replication_messages.h"

namespace tests {

// The WAL of a directory of timeline 1, to compare with what comes by the network.
//   Owner: one thread of the test.
class WalFiles {
 public:
  WalFiles(std::string directory, server::wal::SegmentSize segment_size)
      : directory_(std::move(directory)), segment_size_(segment_size) {}

  // Whether the files hold these bytes; also true of a file that is gone.
  bool hold(server::wal::Lsn begin, std::string_view wal);

 private:
  bool hold_part(server::wal::Lsn begin, std::string_view wal);

  const std::string directory_;
  const server::wal::SegmentSize segment_size_;
  runtime::UniqueFd file_;
  server::wal::SegmentNo open_{};
  std::string buffer_;
};

// What a crowd of clients has seen.
struct FleetTally {
  std::uint64_t connections = 0;
  std::uint64_t bytes = 0;
  std::uint64_t wrong = 0;  // bytes that differ, gaps, and messages that nobody expects
  std::string first_wrong;
  void operator+=(const FleetTally& other);
};

// Clients of one thread, each of a random temper: it starts anywhere, reads much or little at a
// time, asks for replies, ends its stream by CopyDone, or closes in the middle of anything.
//   Owner: one thread of the test.
class Fleet {
 public:
  struct Options {
    std::uint16_t port = 0;
    std::size_t clients = 0;
    std::uint32_t seed = 0;
    std::uint64_t range = 0;  // clients start so far behind the end, at most
    std::function<server::wal::Lsn()> end;
  };

  Fleet(const Options& options, WalFiles files);
  ~Fleet();

  // Lets each client do something.
  void step();
  // Reads whatever still comes, until the server has closed all connections.
  void finish();
  const FleetTally& tally() const { return tally_; }

 private:
  struct Client;

  void connect(Client& client);
  void wait_for_input() const;
  // False when the connection has ended.
  bool read(Client& client, std::size_t bytes_max);
  void take(Client& client, const Message& message);
  void wrong(const std::string& what);

  const Options options_;
  WalFiles files_;
  std::mt19937 random_;
  std::vector<std::unique_ptr<Client>> clients_;
  FleetTally tally_;
};

}  // namespace tests
