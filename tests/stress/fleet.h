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

// The WAL of some directories of timeline 1, to compare with what comes by the network.
//   Owner: one thread of the test.
class WalFiles {
 public:
  // A segment is taken from the first directory that has it.
  WalFiles(std::vector<std::string> directories, server::wal::SegmentSize segment_size)
      : directories_(std::move(directories)), segment_size_(segment_size) {}

  enum class Verdict {
    kSame,     // the files hold these bytes
    kOther,    // the files hold other bytes, or end before
    kUnknown,  // a segment is in no directory
  };
  Verdict compare(server::wal::Lsn begin, std::string_view wal);

 private:
  Verdict compare_part(server::wal::Lsn begin, std::string_view wal);
  void open(server::wal::SegmentNo no);

  const std::vector<std::string> directories_;
  const server::wal::SegmentSize segment_size_;
  runtime::UniqueFd file_;
  server::wal::SegmentNo open_{};
  std::string buffer_;
};

// What a crowd of clients has seen.
struct FleetTally {
  std::uint64_t connections = 0;
  std::uint64_t messages = 0;  // with WAL
  std::uint64_t bytes = 0;
  std::uint64_t unknown = 0;  // messages whose segment was gone before they could be compared
  std::uint64_t wrong = 0;  // bytes that differ, gaps, and messages that have no place in a stream
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
