#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/clock.h"

namespace server::source {

// Warnings of what a look at files has found. A file may be half written when it is looked at, so
// a warning is logged only when looks have found the same for a while, and then once.
//   Owner: a source.  Thread: the source's.
//   Limits: one entry for each warning that there ever was.
class Doubts {
 public:
  // A look takes one part of a second or so; what is half written then is whole after this time.
  static constexpr runtime::Duration kGrace = std::chrono::milliseconds(500);

  // This one has been logged already.
  void note_logged(const std::string& warning) { logged_.insert(warning); }
  // All that a look has found. Returns whether another look is needed to decide.
  bool note(const std::vector<std::string>& warnings, runtime::Instant now);

 private:
  std::map<std::string, runtime::Instant> since_;  // of those that are not logged yet
  std::set<std::string> logged_;
};

}  // namespace server::source
