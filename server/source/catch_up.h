#pragma once

#include <optional>

#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace server::source {

// What the log says while WAL is far behind that of the primary, as behind a start, or a primary
// that was not to be reached: how far it is and when it will be there, every kInterval, and that it
// has come there. A server that keeps up is not told of.
//   Owner: Receiver.  Thread: its own.
class CatchUp {
 public:
  static constexpr runtime::Duration kInterval = std::chrono::seconds(10);
  static constexpr std::uint64_t kFarBytes = std::uint64_t{64} << 20;   // behind: told of
  static constexpr std::uint64_t kNearBytes = std::uint64_t{16} << 20;  // behind: it has come there

  // WAL has come up to `position`, and the primary has it up to `end`.
  void note(wal::Lsn position, wal::Lsn end, runtime::Instant now);
  // The stream is over: what follows is another way.
  void forget() { way_.reset(); }

 private:
  struct Way {
    wal::Lsn begin;
    std::uint64_t behind_at_begin = 0;
    runtime::Instant begun{};
    runtime::Instant said{};
    bool is_told = false;
  };

  static void tell(const Way& way, wal::Lsn position, std::uint64_t behind, runtime::Instant now);

  std::optional<Way> way_;  // none: not far behind
};

}  // namespace server::source
