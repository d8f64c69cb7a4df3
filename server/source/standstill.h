#pragma once

#include <optional>
#include <string>

#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace server::source {

// Why the end of WAL stands still, where the reason is none of the WAL's own: said once, when it
// has held for a while, and when WAL goes on.
//   Owner: a source.  Thread: the source's.
//   Limits: one reason; another one takes its place.
class Standstill {
 public:
  // The reason, at this time. A warning says it as soon as it has been given for `grace` without
  // another one between.
  void note(const std::string& why, runtime::Instant now, runtime::Duration grace);
  // There is no reason any more.
  void end(wal::Lsn position);

 private:
  std::optional<std::string> why_;
  runtime::Instant since_{};
  bool said_ = false;
};

}  // namespace server::source
