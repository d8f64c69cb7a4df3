#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace server::session {

// The log of what clients do: each can make it say something, as often as it likes, before it is
// known who the client is. So a line names the client's address, and lines are few in any time:
// those that are too many are counted, and the count is logged.
//   Owner: the worker.  Thread: the worker's loop's.  Borrows: the loop.
//   Limits: kLinesMax lines in kInterval, then one with the count of the rest.
class StrangerLog final : private runtime::Timer::Handler {
 public:
  static constexpr std::size_t kLinesMax = 20;
  static constexpr runtime::Duration kInterval = std::chrono::seconds(10);

  explicit StrangerLog(runtime::Loop& loop) : loop_(loop), timer_(loop.timers(), *this) {}

  // A client at this address has done what the text says.
  void log(std::string_view address, std::string_view text) {
    write(runtime::log::Level::kLog, address, text);
  }
  void warning(std::string_view address, std::string_view text) {
    write(runtime::log::Level::kWarning, address, text);
  }

 private:
  void write(runtime::log::Level level, std::string_view address, std::string_view text);
  void on_timer(runtime::Timer& timer) override;

  runtime::Loop& loop_;
  runtime::Timer timer_;  // armed from the first line of an interval to its end
  std::size_t lines_ = 0;
  std::size_t left_out_ = 0;
  std::string last_left_out_;
};

}  // namespace server::session
