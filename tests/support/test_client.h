#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/fd.h"
#include "tests/support/replication_messages.h"

namespace tests {

// A client of a server in this process, byte by byte if need be. It waits for the messages that its
// test names, and fails the test if that does not come within ten seconds.
class TestClient {
 public:
  // A receive buffer of so many bytes makes it a reader that blocks the server soon.
  explicit TestClient(std::uint16_t port, int receive_buffer_bytes = 0);

  int fd() const { return fd_.get(); }
  // Returns whether the server took it.
  bool send(std::string_view bytes);
  // As a walreceiver does, up to ReadyForQuery. Returns whether the server is ready.
  bool start_up();

  // The next message; type 0 if the connection ends before.
  Message next();
  // All up to the first of this type, which is the last of them.
  std::vector<Message> until(char type);
  // Bytes that are no messages, such as the answer to an SSLRequest.
  std::string raw(std::size_t bytes);
  // What still comes, to the end of the connection.
  std::vector<Message> to_end();
  // Whether the connection ends, with nothing before.
  bool ends() { return to_end().empty() && received_.empty(); }
  // WAL from the next messages until there are so many bytes of it; keepalives are passed over.
  std::string wal(std::size_t bytes);

  void close() { fd_.reset(); }

 private:
  bool receive();

  runtime::UniqueFd fd_;
  std::string received_;
};

}  // namespace tests
