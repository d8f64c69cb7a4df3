#pragma once

// What the log says at one moment, and the forms that it can have: lines of text behind a prefix,
// as PostgreSQL's log_line_prefix describes it (elog.c, log_line_prefix), or one JSON object, as
// its jsonlog writes it (jsonlog.c, write_jsonlog). Functions of their arguments; any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/clock.h"

namespace runtime::log {

enum class Level { kDebug, kInfo, kLog, kWarning, kError, kFatal };

// "WARNING", as PostgreSQL writes it.
std::string_view label(Level level);
// What syslog and the journal take the level for (elog.c, write_syslog): LOG_DEBUG to LOG_ERR.
int priority(Level level);

// The session that a line is of, as far as it is known. Its texts are the client's, and may have
// any characters.
struct Client {
  std::string address = {};           // "192.0.2.1:5432", "[::1]:5432" or "[local]"
  std::string user = {};              // empty: the client has not said it; so are the next two
  std::string database = {};          // a walsender has none
  std::string application_name = {};  // perhaps as long as a client may send it
  std::uint32_t process_id = 0;       // 0: not known
  WallMicros session_start = 0;       // 0: not known
  std::string_view ps = {};           // what it does: "startup", "idle", "streaming"
  std::string_view backend_type = "walsender";

  // "192.0.2.1", "::1" or "[local]".
  std::string_view host() const;
  // "5432"; empty of a Unix socket.
  std::string_view port() const;
};

// The process itself, whose lines have no client.
struct Process {
  std::uint32_t process_id = 0;
  WallMicros start = 0;
};

// One thing that is logged. Everything is borrowed for the call.
struct Event {
  WallMicros time = 0;
  Level level = Level::kLog;
  std::string_view message;
  std::string_view detail = {};
  std::string_view hint = {};
  std::string_view state_code = "00000";  // SQLSTATE
  std::string_view thread = {};           // that logs it
  std::uint64_t number = 0;               // among all that the process has logged, from 1
  Process process = {};
  const Client* client = nullptr;  // null: of no session
  bool names_address = false;      // "(client ADDRESS)" stands behind the message
};

// The escapes of `prefix` in what it is for this event: %a %b %c %d %e %h %i %l %m %n %p %r %s %t
// %u %q and %%, with a width before the letter; those for what walcast has not (%P %v %x %Q) are
// empty or 0, as PostgreSQL has them outside of a transaction, and other letters are left out. %b
// is a session's type, and elsewhere the name of the thread. Times are UTC. Control characters
// that a client has chosen become '?'.
std::string prefix_text(std::string_view prefix, const Event& event);

// The message in a line, and its detail and its hint in lines of their own behind it, each with the
// prefix. A line break in one of them is followed by a tab, so that no text can look like another
// event's line (elog.c, append_with_tabs).
std::string text_lines(std::string_view prefix, const Event& event);

// One line: an object with PostgreSQL's keys, in its order; those of which nothing is known are
// left out.
std::string json_line(const Event& event);

// Each line of `lines` with "<N>" before it, N being the level's priority: how a service tells the
// journal of levels (sd-daemon(3)), and what take_priority() takes off again.
std::string with_priority(Level level, std::string_view lines);
// The N of a line that begins with "<N>", which is taken off it; LOG_INFO of any other.
int take_priority(std::string_view& line);

}  // namespace runtime::log
