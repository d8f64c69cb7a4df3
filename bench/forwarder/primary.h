#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/forwarder/dialogue.h"
#include "bench/forwarder/input.h"
#include "bench/walbench/frontend.h"
#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wire/replication.h"

namespace bench::forwarder {

// The one stream from the primary, and the WAL that it has brought.
//   Owner: Forwarder.  Thread: the only one.
//   Invariant: begin() <= end(), and the primary's next message begins at end().
//   Limits: kHistoryBytesMax of WAL are kept, for standbys that begin before end(). What is
//   forwarded is not read from there.
class Primary {
 public:
  // Logs in and asks for the stream, from where the segment begins that the primary is in. Blocks.
  runtime::Result<void> connect(std::uint16_t port);

  int fd() const { return fd_.get(); }
  server::wal::Lsn begin() const { return end_ - history_.size(); }
  server::wal::Lsn end() const { return end_; }
  const Facts& facts() const { return facts_; }
  // Valid until the next receive(). REQUIRES: begin() <= from <= end().
  std::string_view since(server::wal::Lsn from) const;

  // Hands the XLogData messages that have come to `forward`, as the bytes that they came in: those
  // that follow each other at once together. False when the stream has ended.
  template <typename Forward>
  bool receive(Forward forward) {
    if (!input_.read(fd(), MSG_DONTWAIT)) return false;
    std::string_view run;
    for (auto message = input_.next(); !message.empty(); message = input_.next()) {
      if (message[0] != 'd') return false;
      if (const auto keepalive = walbench::parse_keepalive(body_of(message))) {
        if (!run.empty()) forward(std::exchange(run, {}));
        if (keepalive->reply_requested) confirm();
        continue;
      }
      keep(message.substr(server::wire::kXLogDataHeaderBytes));
      run = {run.empty() ? message.data() : run.data(), run.size() + message.size()};
    }
    if (!run.empty()) forward(run);
    return true;
  }

  // Tells the primary that all that has come is flushed: it is to keep nothing for the forwarder.
  void confirm();

 private:
  using Texts = std::vector<std::string>;

  static constexpr std::size_t kInputBytes = 1 << 20;  // holds several of the largest messages
  static constexpr std::size_t kHistoryBytesMax = 64 << 20;  // four segments of the usual size

  runtime::Result<void> log_in();
  runtime::Result<Texts> ask(std::string_view command, std::size_t columns);
  // The values of the last row, once a message of this type has come.
  runtime::Result<Texts> row_before(char type);
  void keep(std::string_view wal);
  void say(std::string_view bytes) const;

  runtime::UniqueFd fd_;
  Input input_{kInputBytes};
  Facts facts_;
  std::string history_;
  server::wal::Lsn end_;
};

}  // namespace bench::forwarder
