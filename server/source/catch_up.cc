#include "server/source/catch_up.h"

#include <chrono>
#include <string>

#include "runtime/log.h"

namespace server::source {

namespace {

double seconds(runtime::Duration time) { return std::chrono::duration<double>(time).count(); }

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 0x1p20; }

}  // namespace

void CatchUp::note(wal::Lsn position, wal::Lsn end, runtime::Instant now) {
  const std::uint64_t behind = end > position ? end - position : 0;
  if (!way_.has_value()) {
    if (behind >= kFarBytes) {
      way_ = Way{.begin = position, .behind_at_begin = behind, .begun = now, .said = now};
    }
    return;
  }
  if (behind <= kNearBytes) {
    if (way_->is_told) {
      runtime::log::log("caught up with the primary at {}: {:.0f} MB in {:.1f} s", position,
                        megabytes(position - way_->begin), seconds(now - way_->begun));
    }
    way_.reset();
  } else if (now - way_->said >= kInterval) {
    way_->said = now;
    way_->is_told = true;
    tell(*way_, position, behind, now);
  }
}

// The primary goes on meanwhile, so that what counts is how the distance shrinks.
void CatchUp::tell(const Way& way, wal::Lsn position, std::uint64_t behind, runtime::Instant now) {
  const double passed = seconds(now - way.begun);
  const double received = megabytes(position - way.begin);
  std::string text = runtime::format(
      "catching up with the primary: at {}, {:.0f} MB behind, {:.1f} "
      "MB/s",
      position, megabytes(behind), received / passed);
  if (behind < way.behind_at_begin) {
    const double shrunk = megabytes(way.behind_at_begin - behind);
    text += runtime::format(", about {:.0f} s left", megabytes(behind) / (shrunk / passed));
  } else {
    text += ", which is not faster than the primary writes";
  }
  runtime::log::write(runtime::log::Level::kLog, text);
}

}  // namespace server::source
