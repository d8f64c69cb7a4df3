#include "server/source/trace_replay.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/format.h"

namespace server::source {

using runtime::Duration;
using runtime::Result;

// Again and again in no time at all would be WAL without an end.
Result<std::unique_ptr<TraceReplay>> TraceReplay::open(const Options& options) {
  auto trace = TRY(wal::TraceReader::open(options.file));
  const wal::TraceTotals& totals = trace->totals();
  if (totals.bytes == 0 || totals.duration == Duration::zero()) {
    return runtime::Error{
        .kind = &wal::kInvalidTrace,
        .what = runtime::format("trace file \"{}\" has no WAL in it", options.file)};
  }
  std::unique_ptr<TraceReplay> replay(new TraceReplay(options, std::move(trace)));
  TRY(replay->advance());
  return replay;
}

Result<void> TraceReplay::advance() {
  const auto message = TRY(next_message());
  step_.reset();
  if (!message.has_value()) return {};
  bytes_ += message->bytes;
  // Beyond what a server lives to see, nothing is due.
  constexpr double kNever =
      static_cast<double>(std::chrono::nanoseconds(std::chrono::years(100)).count());
  const double due =
      std::min(kNever, static_cast<double>((round_ + message->at).count()) / options_.speed);
  step_ = {.due = Duration(static_cast<Duration::rep>(due)), .bytes_end = bytes_};
  return {};
}

Result<std::optional<wal::TraceMessage>> TraceReplay::next_message() {
  const auto message = TRY(trace_->next());
  if (message.has_value() || !options_.loops) return message;
  trace_->rewind();
  round_ += trace_->totals().duration;
  return trace_->next();
}

}  // namespace server::source
