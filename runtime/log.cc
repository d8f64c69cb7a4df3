#include "runtime/log.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/check.h"
#include "runtime/line_writer.h"
#include "runtime/system_call.h"

namespace runtime::log {

namespace {

std::atomic<Level> least_level{Level::kLog};
// Of the process, from start() to stop().
std::atomic<LineWriter*> line_writer{nullptr};

std::string_view label(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kLog:
      return "LOG";
    case Level::kWarning:
      return "WARNING";
    case Level::kError:
      return "ERROR";
    case Level::kFatal:
      return "FATAL";
  }
  return "LOG";
}

std::string line_of(std::string_view name, std::string_view message) {
  const WallMicros now = SystemClock().wall_now();
  const std::time_t seconds = now / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 16> thread_name{};
  ::pthread_getname_np(::pthread_self(), thread_name.data(), thread_name.size());
  return format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} UTC [{}] {} {}:  {}\n",
                utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                utc.tm_sec, now / 1000 % 1000, ::getpid(), thread_name.data(), name, message);
}

void write_at_once(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written =
        retry_on_signal([&] { return ::write(STDERR_FILENO, text.data(), text.size()); });
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void set_level(Level least) { least_level.store(least, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= least_level.load(std::memory_order_relaxed); }

void start() {
  CHECK(line_writer.load() == nullptr);
  line_writer.store(new LineWriter(STDERR_FILENO, "log", "lines of the log"));
}

void stop() { delete line_writer.exchange(nullptr); }

void drain(Duration at_most) {
  if (LineWriter* const writer = line_writer.load()) writer->drain(at_most);
}

namespace {

// `text` is whole lines, which stay together.
void put(Level level, std::string text) {
  LineWriter* const writer = line_writer.load();
  if (writer == nullptr) return write_at_once(text);
  if (level != Level::kFatal) return writer->write(std::move(text));
  writer->write_in_any_case(std::move(text));
  writer->drain(LineWriter::kDrainTime);
}

}  // namespace

void write(Level level, std::string_view message) {
  if (level == Level::kFatal || enabled(level)) put(level, line_of(label(level), message));
}

void report(Level level, const Error& error) {
  if (level != Level::kFatal && !enabled(level)) return;
  std::string lines = line_of(label(level), error.what);
  if (!error.detail.empty()) lines += line_of("DETAIL", error.detail);
  if (!error.hint.empty()) lines += line_of("HINT", error.hint);
  put(level, std::move(lines));
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
