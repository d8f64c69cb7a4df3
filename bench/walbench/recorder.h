#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/walbench/histogram.h"
#include "bench/walbench/login.h"
#include "bench/walbench/stamps.h"
#include "runtime/result.h"
#include "server/wal/trace.h"

namespace bench::walbench {

// Keeps when the messages of one stream came and how much WAL was in each, as a trace, and counts
// them for a summary.
//   Owner: Worker.  Thread: the worker's; others once its loop has ended.
//   Limits: two histograms and a block of the trace in memory, whatever comes.
class Recorder {
 public:
  explicit Recorder(std::string path) : path_(std::move(path)) {}

  // The stream begins; so does the file, if it can be made.
  runtime::Result<void> begin(const StreamPlan& plan, WallNanos now);
  // REQUIRES for the next two: begin() has succeeded.
  runtime::Result<void> add(std::uint64_t bytes, WallNanos arrived_at);
  // The stream is over, and the file is a trace.
  runtime::Result<void> finish(WallNanos now);

  const std::string& path() const { return path_; }
  // Null before begin().
  const server::wal::TraceWriter* trace() const { return writer_.get(); }
  const Histogram& message_bytes() const { return message_bytes_; }
  const Histogram& gap_us() const { return gap_us_; }

 private:
  const std::string path_;
  std::unique_ptr<server::wal::TraceWriter> writer_;
  WallNanos begun_ = 0;
  WallNanos last_ = 0;  // when a message came
  Histogram message_bytes_;
  Histogram gap_us_;  // between one message and the next
};

}  // namespace bench::walbench
