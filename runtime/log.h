#pragma once

// The log: what happens, in PostgreSQL's words and forms (log_line.h), on standard error, in the
// journal or in syslog (log_output.h); at first
//   2026-01-31 12:00:00.123 UTC [4711] loop-0 LOG:  message
// The code that decides about an error logs it, once. Any thread; never on the hot path.
//
// Until start() a line is written by the thread that logs it. From then on threads of the log
// write, so that a reader of standard error that stands still stops no other thread: lines for
// which there is no room are dropped and counted (line_writer.h). FATAL lines always have room, and
// the thread that logs one waits a second for it to come out.

#include <string>
#include <string_view>
#include <utility>

#include "runtime/clock.h"
#include "runtime/format.h"
#include "runtime/log_line.h"
#include "runtime/log_output.h"
#include "runtime/recent_lines.h"
#include "runtime/result.h"

namespace runtime::log {

// Levels below this are dropped; kFatal never is. Main thread, before others start.
void set_level(Level least);
bool enabled(Level level);
// Where lines go from now on, and in which form. Main thread.
void set_output(OutputOptions options);

void write(Level level, std::string_view message);
// A line of a session. With kNamed, a line of text has "(client ADDRESS)" behind the message, so
// that it says whose it is whatever the prefix is.
enum class Address { kNotNamed, kNamed };
void write(Level level, std::string_view message, const Client& client, Address address);
// The error's message at this level, and its detail and its hint in lines of their own behind it.
void report(Level level, const Error& error);

// What was logged last, for those that show it. Any thread.
const RecentLines& recent();

// Main thread, before others start and after they have ended. What is logged before stop() is given
// a second to come out.
void start();
void stop();
// Waits until the lines logged so far are written, or `at_most` has passed.
void drain(Duration at_most);

template <typename... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void log(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kLog)) write(Level::kLog, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kWarning)) {
    write(Level::kWarning, fmt::format(text, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kError)) {
    write(Level::kError, fmt::format(text, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void fatal(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::kFatal, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace runtime::log
