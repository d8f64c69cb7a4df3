#include "bench/walbench/recorder.h"

#include "runtime/check.h"

namespace bench::walbench {

using runtime::Duration;
using runtime::Result;

Result<void> Recorder::begin(const StreamPlan& plan, WallNanos now) {
  begun_ = now;
  writer_ = TRY(server::wal::TraceWriter::create(
      path_, {.server_major = plan.server_major,
              .segment_bytes = plan.segment_size.bytes(),
              .begin_offset = static_cast<std::uint32_t>(plan.segment_size.offset(plan.start)),
              .begun = now / 1000}));
  return {};
}

Result<void> Recorder::add(std::uint64_t bytes, WallNanos arrived_at) {
  CHECK(writer_ != nullptr);
  if (message_bytes_.count() > 0) gap_us_.add(micros_between(last_, arrived_at));
  last_ = arrived_at;
  message_bytes_.add(bytes);
  return writer_->add({.at = Duration(arrived_at - begun_), .bytes = bytes});
}

Result<void> Recorder::finish(WallNanos now) { return writer_->finish(Duration(now - begun_)); }

}  // namespace bench::walbench
