#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/wal/trace.h"

namespace server::source {

// Which WAL is due when, by a trace: its messages at their times, faster or slower, once or again
// and again.
//   Owner: the synthetic source.  Thread: the owner's; blocks on the disk.
//   Invariant: times count from the begin of the replay, however late a step was taken, so that one
//   that is late puts off no other.
class TraceReplay {
 public:
  struct Options {
    std::string file;  // empty: there is no trace
    double speed = 1;  // 2: in half of the time
    bool loops = true;
  };
  static constexpr double kSpeedMin = 0.001;
  static constexpr double kSpeedMax = 1000;

  // So many bytes are due in all, from the begin of the replay on, by then.
  struct Step {
    runtime::Duration due{};
    std::uint64_t bytes_end = 0;
  };

  static runtime::Result<std::unique_ptr<TraceReplay>> open(const Options& options);

  const wal::TraceOrigin& origin() const { return trace_->origin(); }
  const wal::TraceTotals& totals() const { return trace_->totals(); }

  // What is due next; none once the trace has ended.
  const std::optional<Step>& step() const { return step_; }
  // Goes on to the next step. REQUIRES: there is a step.
  runtime::Result<void> advance();

 private:
  TraceReplay(const Options& options, std::unique_ptr<wal::TraceReader> trace)
      : options_(options), trace_(std::move(trace)) {}

  runtime::Result<std::optional<wal::TraceMessage>> next_message();

  const Options options_;
  const std::unique_ptr<wal::TraceReader> trace_;
  runtime::Duration round_{};  // of the trace, at which it was begun last
  std::uint64_t bytes_ = 0;
  std::optional<Step> step_;
};

}  // namespace server::source
