#include "runtime/log.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/check.h"
#include "runtime/line_writer.h"

namespace runtime::log {

namespace {

std::atomic<Level> least_level{Level::kLog};
std::atomic<std::uint64_t> lines_logged{0};
const WallMicros process_start = SystemClock().wall_now();

// Of the process, until its end: threads that nothing waits for may log then.
Output& output() {
  static Output& output = *new Output;
  return output;
}

RecentLines& recent_lines() {
  static RecentLines& lines = *new RecentLines;
  return lines;
}

void remember(const Event& event) {
  std::string message(event.message);
  if (event.names_address) message += format(" (client {})", event.client->address);
  recent_lines().add(event.time, label(event.level), message);
  if (!event.detail.empty()) recent_lines().add(event.time, "DETAIL", event.detail);
  if (!event.hint.empty()) recent_lines().add(event.time, "HINT", event.hint);
}

struct Name {
  Name() { ::pthread_getname_np(::pthread_self(), text.data(), text.size()); }
  std::array<char, 16> text{};
};

void put(Event event) {
  if (event.level != Level::kFatal && !enabled(event.level)) return;
  const Name thread;
  event.time = SystemClock().wall_now();
  event.thread = thread.text.data();
  event.number = lines_logged.fetch_add(1, std::memory_order_relaxed) + 1;
  event.process = {.process_id = static_cast<std::uint32_t>(::getpid()), .start = process_start};
  remember(event);
  output().put(event);
}

}  // namespace

void set_level(Level least) { least_level.store(least, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= least_level.load(std::memory_order_relaxed); }

void set_output(OutputOptions options) { output().set(std::move(options)); }

void start() { output().start(); }

void stop() { output().stop(); }

void drain(Duration at_most) { output().drain(at_most); }

void write(Level level, std::string_view message) { put({.level = level, .message = message}); }

void write(Level level, std::string_view message, const Client& client, Address address) {
  put({.level = level,
       .message = message,
       .client = &client,
       .names_address = address == Address::kNamed});
}

const RecentLines& recent() { return recent_lines(); }

void report(Level level, const Error& error) {
  put({.level = level,
       .message = error.what,
       .detail = error.detail,
       .hint = error.hint,
       .state_code = error.kind != nullptr ? error.kind->code : "00000"});
}

}  // namespace runtime::log

namespace runtime {

// Lines that were logged before come first, if the log's reader reads.
void check_failed(const char* file, int line, const char* what) {
  constexpr Duration kWait = std::chrono::seconds(1);
  log::drain(kWait);
  std::array<char, 1024> text;
  const int size =
      std::snprintf(text.data(), text.size(), "walcast: bug: %s:%d: %s\n", file, line, what);
  const auto length =
      std::min<std::size_t>(size < 0 ? 0 : static_cast<std::size_t>(size), text.size() - 1);
  write_within(STDERR_FILENO, std::string_view(text.data(), length), kWait);
  std::abort();
}

}  // namespace runtime
