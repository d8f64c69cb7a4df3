#include "server/session/stranger_log.h"

#include <utility>

#include "runtime/format.h"

namespace server::session {

void StrangerLog::write(runtime::log::Level level, std::string_view address,
                        std::string_view text) {
  loop_.assert_in_thread();
  if (!timer_.armed()) timer_.arm(loop_.now() + kInterval);
  std::string line = runtime::format("{} (client {})", text, address);
  if (lines_ < kLinesMax) {
    ++lines_;
    return runtime::log::write(level, line);
  }
  ++left_out_;
  last_left_out_ = std::move(line);
}

void StrangerLog::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  lines_ = 0;
  if (left_out_ == 0) return;
  runtime::log::log("{} and {} more like this", last_left_out_, std::exchange(left_out_, 0));
}

}  // namespace server::session
