#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace bench::behaviour {

// Where a standby begins to stream.
struct StartPoint {
  enum class Kind {
    kUnsaid,  // as the command line says, or as is usual without
    kEnd,     // the end of the server's WAL
    kBack,    // `back_bytes` before it, or where the WAL of a new cluster begins
    kLsn,
  };
  Kind kind = Kind::kUnsaid;
  std::uint64_t back_bytes = 0;
  server::wal::Lsn lsn = {};

  static StartPoint at(server::wal::Lsn lsn) { return {.kind = Kind::kLsn, .lsn = lsn}; }
};

// A standby that reads nothing and says nothing, as one whose host hangs.
struct Stall {
  runtime::Duration from{};
  std::optional<runtime::Duration> to = {};  // none: it never goes on
};

// Hot standby feedback: which transactions a standby still looks at.
struct Feedback {
  bool asks_primary = false;  // `xid` is the primary's oldest when the run begins
  std::uint64_t xid = 0;      // with its epoch in the upper half
};

// Standbys that behave alike. Times count from the begin of the run, if nothing else is said.
//   Owner: the run's options.  Thread: any, once the run has begun.
struct Group {
  std::string name = "fast";
  std::size_t count = 1;
  runtime::Duration arrive{};  // the first one comes
  runtime::Duration ramp{};    // from then on until the last one has come
  StartPoint start = {};
  std::uint64_t bytes_per_second = 0;  // of what it reads; 0: as fast as it can
  std::optional<Stall> stall = {};
  runtime::Duration reconnect_every{};          // it drops its connection and comes again; 0: never
  runtime::Duration reconnect_jitter{};         // by how much later that may be
  std::optional<runtime::Duration> retry = {};  // so long after a loss; none: it has failed then
  runtime::Duration acknowledge_delay{};
  std::optional<Feedback> feedback = {};
  std::string slots = {};  // a slot for each, named by this, '_' and its index; empty: none
  std::optional<bool> verify = {};  // else if the run verifies
  std::string user = {};            // this and the next two: empty where the command line's counts
  std::string password = {};
  std::string ssl_mode = {};

  // Whether it comes after the begin of the run, so that nothing waits for it.
  bool is_late() const { return arrive.count() > 0; }
  // Whether the delay of what it receives is the server's, and not its own.
  bool is_prompt() const { return bytes_per_second == 0 && !stall.has_value(); }
};

// What differs from a group that does nothing special, beside its name and count, by the keys of a
// scenario file and in its units. A password is left out.
std::vector<std::pair<std::string, std::string>> describe(const Group& group);

std::size_t count_standbys(const std::vector<Group>& groups);

// The same groups with `standbys` in all, shared out as they were, at least one for each. REQUIRES:
// at least as many as there are groups.
std::vector<Group> scaled_to(std::vector<Group> groups, std::size_t standbys);

}  // namespace bench::behaviour
