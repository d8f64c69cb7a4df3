#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace server::session {

// The log of what clients do: each can make it say something, as often as it likes, before it is
// known who the client is. So a line names the client's address, and lines are few in any time, of
// one kind from one address, and in all: those that are too many are counted, and the counts are
// logged. What begins a line up to the first digit or quote is its kind, since clients choose names
// and numbers. What a client has named cannot begin a line of its own: control characters become
// '?'.
//   Owner: the worker, or an acceptor.  Thread: its loop's.  Borrows: the loop.
//   Limits: kLinesMax lines in kInterval, kLinesOfAKindMax of one kind and address; then a count of
//   the rest for each of kKindsMax, and one for all others.
class StrangerLog final : private runtime::Timer::Handler {
 public:
  static constexpr std::size_t kLinesMax = 20;
  static constexpr std::size_t kLinesOfAKindMax = 5;
  static constexpr std::size_t kKindsMax = 20;
  static constexpr runtime::Duration kInterval = std::chrono::seconds(10);

  explicit StrangerLog(runtime::Loop& loop) : loop_(loop), timer_(loop.timers(), *this) {}

  // A client at this address, which may have a port, has done what the text says.
  void log(std::string_view address, std::string_view text) {
    log(runtime::log::Client{.address = std::string(address)}, text);
  }
  // The client of a session has.
  void log(const runtime::log::Client& client, std::string_view text) {
    write(runtime::log::Level::kLog, client, text);
  }
  void warning(const runtime::log::Client& client, std::string_view text) {
    write(runtime::log::Level::kWarning, client, text);
  }

 private:
  struct Kind {
    std::size_t lines = 0;
    std::size_t left_out = 0;
    std::string last_left_out = {};
  };

  void write(runtime::log::Level level, const runtime::log::Client& client, std::string_view text);
  Kind& kind_of(std::string_view host, std::string_view text);
  static void say_left_out(const Kind& kind);
  void on_timer(runtime::Timer& timer) override;

  runtime::Loop& loop_;
  runtime::Timer timer_;  // armed from the first line of an interval to its end
  std::size_t lines_ = 0;
  std::map<std::pair<std::string, std::string>, Kind> kinds_;  // by host and text
  Kind others_;
};

}  // namespace server::session
