#include "bench/behaviour/group_keys.h"

#include <algorithm>
#include <utility>

#include "bench/behaviour/scenario_limits.h"
#include "runtime/format.h"
#include "server/settings/units.h"
#include "server/slot/name.h"

namespace bench::behaviour {

using runtime::Duration;
using runtime::format;
using runtime::Result;
using server::settings::Unit;

namespace {

constexpr Duration kTimeMax = std::chrono::hours(24 * 365);
// Of a fleet that reconnects: walreceiver tries again after wal_retrieve_retry_interval.
constexpr Duration kUsualRetry = std::chrono::seconds(1);
constexpr Duration kRepeatMin = std::chrono::milliseconds(1);

runtime::Error expected(std::string_view name, std::string_view what) {
  return wrong(format("{}: {} is expected", name, what));
}

Result<std::string> text_of(const Entry& entry, std::string_view example) {
  const auto* text = entry.node.as_string();
  if (text == nullptr) return expected(entry.name, format("a text such as {}", example));
  return text->get();
}

Result<Duration> duration_of(const Entry& entry) {
  const std::string text = TRY(text_of(entry, "\"500ms\""));
  const Duration duration = TRY(server::settings::parse_duration(entry.name, text, Unit::kSeconds));
  if (duration <= kTimeMax) return duration;
  return wrong(format("{}: \"{}\" is more than a year", entry.name, text));
}

template <Duration Group::*kMember>
Result<void> take_duration(Group& group, const Entry& entry) {
  group.*kMember = TRY(duration_of(entry));
  return {};
}

template <std::string Group::*kMember>
Result<void> take_text(Group& group, const Entry& entry) {
  group.*kMember = TRY(text_of(entry, "\"standby\""));
  return {};
}

Result<void> take_name(Group& group, const Entry& entry) {
  group.name = TRY(text_of(entry, "\"laggard\""));
  const bool plain = std::all_of(group.name.begin(), group.name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (plain && !group.name.empty()) return {};
  return expected(entry.name, "a text of a-z, 0-9, '_' and '-'");
}

Result<void> take_count(Group& group, const Entry& entry) {
  const auto* count = entry.node.as_integer();
  if (count == nullptr || count->get() < 1 ||
      count->get() > static_cast<std::int64_t>(kStandbysMax)) {
    return expected(entry.name, format("a number from 1 to {}", kStandbysMax));
  }
  group.count = static_cast<std::size_t>(count->get());
  return {};
}

Result<void> take_start(Group& group, const Entry& entry) {
  constexpr std::string_view kBack = " back";
  const std::string text = TRY(text_of(entry, "\"end\", \"1GB back\" or \"16/B374D848\""));
  if (text == "end") {
    group.start = {.kind = StartPoint::Kind::kEnd};
  } else if (text.ends_with(kBack)) {
    const std::string_view size = std::string_view(text).substr(0, text.size() - kBack.size());
    group.start = {.kind = StartPoint::Kind::kBack,
                   .back_bytes = TRY(server::settings::parse_bytes(entry.name, size))};
  } else {
    const auto lsn = server::wal::parse_lsn(text);
    if (!lsn) return expected(entry.name, "\"end\", a size as in \"1GB back\", or an LSN");
    group.start = StartPoint::at(*lsn);
  }
  return {};
}

Result<void> take_rate(Group& group, const Entry& entry) {
  const std::string text = TRY(text_of(entry, "\"1MB/s\""));
  group.bytes_per_second = TRY(server::settings::parse_rate(entry.name, text));
  if (group.bytes_per_second != 0) return {};
  return expected(entry.name, "more than nothing");
}

Result<void> take_stall_from(Group& group, const Entry& entry) {
  if (!group.stall.has_value()) group.stall.emplace();
  group.stall->from = TRY(duration_of(entry));
  return {};
}

// Keys come by their alphabet, and so this one behind stall_from.
Result<void> take_stall_to(Group& group, const Entry& entry) {
  if (!group.stall.has_value()) return wrong("stall_to: there is no stall_from");
  group.stall->to = TRY(duration_of(entry));
  if (*group.stall->to > group.stall->from) return {};
  return wrong("stall_to: it must be later than stall_from");
}

Result<void> take_retry(Group& group, const Entry& entry) {
  group.retry = TRY(duration_of(entry));
  return {};
}

Result<void> take_feedback(Group& group, const Entry& entry) {
  constexpr std::int64_t kFirstXid = 3;  // FirstNormalTransactionId of transam.h
  const auto* asks = entry.node.as_boolean();
  const auto* xid = entry.node.as_integer();
  if (asks != nullptr) {
    if (asks->get()) group.feedback = Feedback{.asks_primary = true};
  } else if (xid != nullptr && xid->get() >= kFirstXid) {
    group.feedback = Feedback{.xid = static_cast<std::uint64_t>(xid->get())};
  } else {
    return expected(entry.name, format("true or false, or a transaction id from {} on", kFirstXid));
  }
  return {};
}

Result<void> take_slots(Group& group, const Entry& entry) {
  group.slots = TRY(text_of(entry, "\"standby\""));
  const auto valid = server::slot::validate_name(format("{}_{}", group.slots, kStandbysMax - 1));
  if (valid && !group.slots.empty()) return {};
  return wrong(format("slots: {}", valid ? "the prefix of names is empty" : valid.error().what));
}

Result<void> take_verify(Group& group, const Entry& entry) {
  const auto* verify = entry.node.as_boolean();
  if (verify == nullptr) return expected(entry.name, "true or false");
  group.verify = verify->get();
  return {};
}

bool is_ssl_mode(std::string_view text) {
  return text == "disable" || text == "require" || text == "verify-full";
}

Result<void> take_ssl_mode(Group& group, const Entry& entry) {
  group.ssl_mode = TRY(text_of(entry, "\"require\""));
  if (is_ssl_mode(group.ssl_mode)) return {};
  return expected(entry.name, "\"disable\", \"require\" or \"verify-full\"");
}

struct Key {
  std::string_view name;
  Result<void> (*take)(Group& group, const Entry& entry);
};

constexpr Key kKeys[]{
    {"name", take_name},
    {"count", take_count},
    {"arrive", take_duration<&Group::arrive>},
    {"ramp", take_duration<&Group::ramp>},
    {"start", take_start},
    {"rate", take_rate},
    {"stall_from", take_stall_from},
    {"stall_to", take_stall_to},
    {"reconnect_every", take_duration<&Group::reconnect_every>},
    {"reconnect_jitter", take_duration<&Group::reconnect_jitter>},
    {"retry", take_retry},
    {"acknowledge_delay", take_duration<&Group::acknowledge_delay>},
    {"feedback", take_feedback},
    {"slots", take_slots},
    {"verify", take_verify},
    {"user", take_text<&Group::user>},
    {"password", take_text<&Group::password>},
    {"sslmode", take_ssl_mode},
};

}  // namespace

runtime::Error wrong(std::string what) {
  return {.kind = &kScenarioWrong, .what = std::move(what)};
}

Result<void> take_key(Group& group, const Entry& entry) {
  std::string known;
  for (const Key& key : kKeys) {
    if (key.name == entry.name) return key.take(group, entry);
    known += format("{}{}", known.empty() ? "" : ", ", key.name);
  }
  return wrong(format("unknown key \"{}\"; of a group are known: {}", entry.name, known));
}

Result<void> check_group(Group& group) {
  if (group.name.empty()) return wrong("name: this group has none");
  if (group.count == 0) return wrong(format("count: group \"{}\" has none", group.name));
  const bool reconnects = group.reconnect_every.count() > 0;
  if (group.reconnect_jitter.count() > 0 && !reconnects) {
    return wrong("reconnect_jitter: there is no reconnect_every");
  }
  if (reconnects && group.reconnect_jitter >= group.reconnect_every) {
    return wrong("reconnect_jitter: it must be less than reconnect_every");
  }
  if (reconnects && group.reconnect_every < kRepeatMin) {
    return wrong("reconnect_every: it must be 1ms at least");
  }
  if (group.retry.has_value() && *group.retry < kRepeatMin) {
    return wrong("retry: it must be 1ms at least");
  }
  if (reconnects && !group.retry.has_value()) group.retry = kUsualRetry;
  return {};
}

}  // namespace bench::behaviour
