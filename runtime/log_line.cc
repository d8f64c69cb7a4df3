#include "runtime/log_line.h"

#include <syslog.h>

#include <algorithm>
#include <cctype>
#include <ctime>

#include "runtime/format.h"
#include "runtime/json.h"

namespace runtime::log {

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

int priority(Level level) {
  switch (level) {
    case Level::kDebug:
      return LOG_DEBUG;
    case Level::kInfo:
    case Level::kLog:
      return LOG_INFO;
    case Level::kWarning:
      return LOG_NOTICE;
    case Level::kError:
      return LOG_WARNING;
    case Level::kFatal:
      return LOG_ERR;
  }
  return LOG_INFO;
}

std::string_view Client::host() const {
  const std::size_t at = port().empty() ? address.size() : address.rfind(':');
  const std::string_view host = std::string_view(address).substr(0, at);
  const bool in_brackets = !port().empty() && host.starts_with('[') && host.ends_with(']');
  return in_brackets ? host.substr(1, host.size() - 2) : host;
}

std::string_view Client::port() const {
  const std::size_t colon = address.rfind(':');
  const std::size_t bracket = address.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || bracket < colon);
  return has_port ? std::string_view(address).substr(colon + 1) : std::string_view();
}

namespace {

enum class Fraction { kNone, kMilliseconds };

std::string time_text(WallMicros time, Fraction fraction) {
  const std::time_t seconds = time / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::string text = format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", utc.tm_year + 1900,
                            utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (fraction == Fraction::kMilliseconds) text += format(".{:03}", time / 1000 % 1000);
  return text + " UTC";
}

WallMicros start_of(const Event& event) {
  const bool known = event.client != nullptr && event.client->session_start != 0;
  return known ? event.client->session_start : event.process.start;
}

std::uint32_t process_id_of(const Event& event) {
  const bool known = event.client != nullptr && event.client->process_id != 0;
  return known ? event.client->process_id : event.process.process_id;
}

std::string session_id(const Event& event) {
  return format("{:x}.{:x}", start_of(event) / 1'000'000, process_id_of(event));
}

std::string printable(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return std::iscntrl(static_cast<unsigned char>(c)); }, '?');
  return clean;
}

std::string or_unknown(const Client* client, std::string Client::*member) {
  if (client == nullptr) return "";
  const std::string& text = client->*member;
  return text.empty() ? "[unknown]" : printable(text);
}

std::string host_and_port(const Client& client) {
  const std::string host = printable(client.host());
  return client.port().empty() ? host : format("{}({})", host, client.port());
}

std::string escape_text(char letter, const Event& event) {
  const Client* const client = event.client;
  switch (letter) {
    case 'a':
      return or_unknown(client, &Client::application_name);
    case 'b':
      return std::string(client != nullptr ? client->backend_type : event.thread);
    case 'c':
      return session_id(event);
    case 'd':
      return or_unknown(client, &Client::database);
    case 'e':
      return std::string(event.state_code);
    case 'h':
      return client != nullptr ? printable(client->host()) : "";
    case 'i':
      return client != nullptr ? std::string(client->ps) : "";
    case 'l':
      return std::to_string(event.number);
    case 'm':
      return time_text(event.time, Fraction::kMilliseconds);
    case 'n':
      return format("{}.{:03}", event.time / 1'000'000, event.time / 1000 % 1000);
    case 'p':
      return std::to_string(process_id_of(event));
    case 'r':
      return client != nullptr ? host_and_port(*client) : "";
    case 's':
      return time_text(start_of(event), Fraction::kNone);
    case 't':
      return time_text(event.time, Fraction::kNone);
    case 'u':
      return or_unknown(client, &Client::user);
    case 'x':
    case 'Q':
      return "0";
    case '%':
      return "%";
    default:
      return "";
  }
}

// More columns than this are no prefix, but a slip.
constexpr int kWidthMax = 256;

// The digits and the sign behind a '%', which are taken off the text; negative: flushed left.
int take_width(std::string_view& text) {
  const bool flush_left = text.starts_with('-');
  if (flush_left) text.remove_prefix(1);
  int width = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    width = std::min(width * 10 + (text.front() - '0'), kWidthMax);
    text.remove_prefix(1);
  }
  return flush_left ? -width : width;
}

std::string padded(std::string text, int width) {
  const auto columns = static_cast<std::size_t>(std::max(width, -width));
  if (text.size() >= columns) return text;
  const std::size_t missing = columns - text.size();
  return width < 0 ? text.append(missing, ' ') : text.insert(0, missing, ' ');
}

std::string with_tabs(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += '\t';
  }
  return result;
}

}  // namespace

std::string prefix_text(std::string_view prefix, const Event& event) {
  std::string text;
  while (!prefix.empty()) {
    const char c = prefix.front();
    prefix.remove_prefix(1);
    if (c != '%') {
      text += c;
      continue;
    }
    const int width = take_width(prefix);
    if (prefix.empty()) break;
    const char letter = prefix.front();
    prefix.remove_prefix(1);
    if (letter == 'q' && event.client == nullptr) break;
    text += padded(escape_text(letter, event), width);
  }
  return text;
}

std::string text_lines(std::string_view prefix, const Event& event) {
  const std::string begin = prefix_text(prefix, event);
  std::string lines = format("{}{}:  {}", begin, label(event.level), with_tabs(event.message));
  if (event.client != nullptr && event.names_address) {
    lines += format(" (client {})", printable(event.client->address));
  }
  lines += '\n';
  const auto add = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) lines += format("{}{}:  {}\n", begin, name, with_tabs(text));
  };
  add("DETAIL", event.detail);
  add("HINT", event.hint);
  return lines;
}

namespace {

class JsonObject {
 public:
  void add(std::string_view key, std::string_view text) {
    if (!text.empty()) put(key, json_string(text));
  }
  // `number` is JSON as it is.
  void add_number(std::string_view key, std::string_view number) {
    if (!number.empty()) put(key, number);
  }
  std::string take() { return "{" + std::move(text_) + "}\n"; }

 private:
  void put(std::string_view key, std::string_view value) {
    text_ += format("{}\"{}\":{}", text_.empty() ? "" : ",", key, value);
  }

  std::string text_;
};

bool is_number(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string json_line(const Event& event) {
  const Client unknown;
  const Client& client = event.client != nullptr ? *event.client : unknown;
  JsonObject object;
  object.add("timestamp", time_text(event.time, Fraction::kMilliseconds));
  object.add("user", client.user);
  object.add("dbname", client.database);
  object.add_number("pid", std::to_string(process_id_of(event)));
  object.add("remote_host", client.host());
  if (is_number(client.port())) object.add_number("remote_port", client.port());
  object.add("session_id", session_id(event));
  object.add_number("line_num", std::to_string(event.number));
  object.add("ps", client.ps);
  object.add("session_start", time_text(start_of(event), Fraction::kNone));
  object.add_number("txid", "0");
  object.add("error_severity", label(event.level));
  if (event.state_code != "00000") object.add("state_code", event.state_code);
  object.add("message", event.message);
  object.add("detail", event.detail);
  object.add("hint", event.hint);
  object.add("application_name", client.application_name);
  object.add("backend_type", event.client != nullptr ? client.backend_type : event.thread);
  object.add_number("query_id", "0");
  return object.take();
}

std::string with_priority(Level level, std::string_view lines) {
  const std::string mark = format("<{}>", priority(level));
  std::string marked;
  while (!lines.empty()) {
    const std::size_t size = std::min(lines.find('\n'), lines.size() - 1) + 1;
    marked += mark;
    marked += lines.substr(0, size);
    lines.remove_prefix(size);
  }
  return marked;
}

int take_priority(std::string_view& line) {
  const bool marked =
      line.size() >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>';
  if (!marked) return LOG_INFO;
  const int number = line[1] - '0';
  line.remove_prefix(3);
  return number;
}

}  // namespace runtime::log
