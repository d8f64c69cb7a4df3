#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/behaviour/group.h"
#include "bench/walbench/tally.h"

namespace bench::walbench {

// What the standbys of one group have come to.
struct GroupOutcome {
  behaviour::Group group;
  Tally tally;
};

// A whole run.
struct Outcome {
  std::uint64_t standbys = 0;
  double seconds = 0;            // from the first connect on
  double streaming_seconds = 0;  // from the first stream's begin to the last one's end
  double cpu_seconds = 0;        // of this process
  // By how much it has grown for the standbys, at most; what their sockets hold is the kernel's.
  std::uint64_t memory_bytes = 0;
  std::string scenario = {};  // file; empty: the groups are the command line's
  std::uint64_t seed = 0;     // of the scenario
  std::vector<GroupOutcome> groups = {};
  Tally tally = {};  // total() of them

  bool succeeded() const { return tally.completed == standbys; }
  // While anything streamed. 0 if nothing did.
  double bytes_per_second() const {
    return streaming_seconds > 0 ? static_cast<double>(tally.bytes) / streaming_seconds : 0;
  }
};

// Of all groups; the delays of those alone that read as fast as they can.
Tally total(const std::vector<GroupOutcome>& groups);

// For people: an aligned block of lines, with units.
std::string to_text(const Outcome& outcome);
// For programs: one JSON object on one line. Sizes are bytes, times are named by their unit.
std::string to_json(const Outcome& outcome);

// What is known while a run goes on.
struct ProgressLine {
  double elapsed_seconds = 0;
  std::uint64_t early = 0;  // standbys that are there, of groups that came at the begin
  std::uint64_t late = 0;   // of the others
  std::uint64_t failed = 0;
  std::uint64_t bytes = 0;
  double bytes_per_second = 0;  // since the line before

  std::uint64_t streaming() const { return early + late; }
};
std::string to_text(const ProgressLine& line);

// "1.5 GB", "512 B": PostgreSQL's units, whose factor is 1024.
std::string format_bytes(double bytes);
// "1.5 ms", "12 us".
std::string format_micros(double micros);

}  // namespace bench::walbench
