#include "bench/behaviour/group.h"

#include <algorithm>
#include <cmath>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/settings/units.h"

namespace bench::behaviour {

using runtime::format;
using server::settings::show_bytes;
using server::settings::show_duration;

namespace {

using Description = std::vector<std::pair<std::string, std::string>>;

void add(Description& to, const char* key, std::string value) {
  if (!value.empty()) to.emplace_back(key, std::move(value));
}

void add(Description& to, const char* key, runtime::Duration duration) {
  if (duration.count() > 0) to.emplace_back(key, show_duration(duration));
}

std::string start_text(const StartPoint& start) {
  switch (start.kind) {
    case StartPoint::Kind::kUnsaid:
      return "";
    case StartPoint::Kind::kEnd:
      return "end";
    case StartPoint::Kind::kBack:
      return show_bytes(start.back_bytes) + " back";
    case StartPoint::Kind::kLsn:
      return format("{}", start.lsn);
  }
  UNREACHABLE();
}

void add_reading(Description& to, const Group& group) {
  if (group.bytes_per_second != 0) add(to, "rate", show_bytes(group.bytes_per_second) + "/s");
  if (!group.stall.has_value()) return;
  add(to, "stall_from", show_duration(group.stall->from));
  if (group.stall->to.has_value()) add(to, "stall_to", show_duration(*group.stall->to));
}

void add_connections(Description& to, const Group& group) {
  add(to, "reconnect_every", group.reconnect_every);
  add(to, "reconnect_jitter", group.reconnect_jitter);
  if (group.retry.has_value()) add(to, "retry", show_duration(*group.retry));
}

void add_answers(Description& to, const Group& group) {
  add(to, "acknowledge_delay", group.acknowledge_delay);
  if (group.feedback.has_value()) {
    add(to, "feedback", group.feedback->asks_primary ? "true" : format("{}", group.feedback->xid));
  }
  add(to, "slots", group.slots);
  if (group.verify.has_value()) add(to, "verify", *group.verify ? "true" : "false");
}

}  // namespace

Description describe(const Group& group) {
  Description description;
  add(description, "arrive", group.arrive);
  add(description, "ramp", group.ramp);
  add(description, "start", start_text(group.start));
  add_reading(description, group);
  add_connections(description, group);
  add_answers(description, group);
  add(description, "user", group.user);
  add(description, "sslmode", group.ssl_mode);
  return description;
}

std::size_t count_standbys(const std::vector<Group>& groups) {
  std::size_t count = 0;
  for (const Group& group : groups) count += group.count;
  return count;
}

// Rounding leaves a few too many or too few, which the largest groups give or take.
std::vector<Group> scaled_to(std::vector<Group> groups, std::size_t standbys) {
  CHECK(standbys >= groups.size());
  const double scale = static_cast<double>(standbys) / static_cast<double>(count_standbys(groups));
  for (Group& group : groups) {
    const double count = std::round(static_cast<double>(group.count) * scale);
    group.count = std::max<std::size_t>(1, static_cast<std::size_t>(count));
  }
  const auto largest = [&groups] {
    return std::max_element(groups.begin(), groups.end(),
                            [](const Group& a, const Group& b) { return a.count < b.count; });
  };
  for (std::size_t now = count_standbys(groups); now > standbys; --now) --largest()->count;
  largest()->count += standbys - count_standbys(groups);
  return groups;
}

}  // namespace bench::behaviour
