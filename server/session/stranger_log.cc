#include "server/session/stranger_log.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"

namespace server::session {

namespace {

std::string without_controls(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  return text;
}

std::string_view begin_of(std::string_view text) {
  return text.substr(0, text.find_first_of("0123456789\""));
}

}  // namespace

StrangerLog::Kind& StrangerLog::kind_of(std::string_view host, std::string_view text) {
  const std::pair key(std::string(host), std::string(begin_of(text)));
  const auto known = kinds_.find(key);
  if (known != kinds_.end()) return known->second;
  return kinds_.size() < kKindsMax ? kinds_[key] : others_;
}

void StrangerLog::write(runtime::log::Level level, const runtime::log::Client& client,
                        std::string_view text) {
  loop_.assert_in_thread();
  if (!timer_.armed()) timer_.arm(loop_.now() + kInterval);
  std::string line = without_controls(std::string(text));
  Kind& kind = kind_of(client.host(), text);
  if (lines_ < kLinesMax && kind.lines < kLinesOfAKindMax) {
    ++lines_;
    ++kind.lines;
    return runtime::log::write(level, line, client, runtime::log::Address::kNamed);
  }
  ++kind.left_out;
  kind.last_left_out = runtime::format("{} (client {})", line, without_controls(client.address));
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
