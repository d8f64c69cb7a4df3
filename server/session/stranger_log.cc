#include "server/session/stranger_log.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"

namespace server::session {

namespace {

// "192.0.2.1" of "192.0.2.1:5432", and "[::1]" of "[::1]:5432".
std::string_view without_port(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const std::size_t bracket = address.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
  return has_port ? address.substr(0, colon) : address;
}

std::string_view begin_of(std::string_view text) {
  return text.substr(0, text.find_first_of("0123456789\""));
}

}  // namespace

StrangerLog::Kind& StrangerLog::kind_of(std::string_view address, std::string_view text) {
  const std::pair key(std::string(without_port(address)), std::string(begin_of(text)));
  const auto known = kinds_.find(key);
  if (known != kinds_.end()) return known->second;
  return kinds_.size() < kKindsMax ? kinds_[key] : others_;
}

void StrangerLog::write(runtime::log::Level level, std::string_view address,
                        std::string_view text) {
  loop_.assert_in_thread();
  if (!timer_.armed()) timer_.arm(loop_.now() + kInterval);
  std::string line = runtime::format("{} (client {})", text, address);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  Kind& kind = kind_of(address, text);
  if (lines_ < kLinesMax && kind.lines < kLinesOfAKindMax) {
    ++lines_;
    ++kind.lines;
    return runtime::log::write(level, line);
  }
  ++kind.left_out;
  kind.last_left_out = std::move(line);
}

void StrangerLog::say_left_out(const Kind& kind) {
  if (kind.left_out == 0) return;
  runtime::log::log("{} and {} more like this", kind.last_left_out, kind.left_out);
}

void StrangerLog::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  lines_ = 0;
  for (const auto& [key, kind] : std::exchange(kinds_, {})) say_left_out(kind);
  if (others_.left_out > 0) {
    runtime::log::log("{} and {} other lines of other clients", others_.last_left_out,
                      others_.left_out);
  }
  others_ = {};
}

}  // namespace server::session
