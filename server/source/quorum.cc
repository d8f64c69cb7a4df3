#include "server/source/quorum.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "runtime/check.h"
#include "server/wire/text.h"

namespace server::source {

using wal::Lsn;
using wire::equal_ignoring_case;
using wire::trim;

namespace {

constexpr std::string_view kAnyName = "*";

// Takes a word, which a blank or a parenthesis ends, off the front.
std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t("));
  text = trim(text.substr(word.size()));
  return word;
}

// "(a, b)"; none if it is no list of at least one name.
std::optional<std::vector<std::string>> parse_names(std::string_view text) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> names;
  for (;;) {
    const auto comma = text.find(',');
    const std::string_view name = trim(text.substr(0, comma));
    if (name.empty() || name.find_first_of("()") != std::string_view::npos) return std::nullopt;
    names.emplace_back(name);
    if (comma == std::string_view::npos) return names;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

bool AckPolicy::counts(std::string_view application_name) const {
  return kind != Kind::kSpool && std::any_of(names.begin(), names.end(), [&](const auto& name) {
           return name == kAnyName || equal_ignoring_case(name, application_name);
         });
}

std::optional<AckPolicy> parse_ack_policy(std::string_view text) {
  const std::string_view word = take_word(text);
  if (equal_ignoring_case(word, "spool"))
    return text.empty() ? std::optional(AckPolicy{}) : std::nullopt;
  AckPolicy policy;
  if (equal_ignoring_case(word, "any")) {
    policy.kind = AckPolicy::Kind::kAny;
    const std::string_view count = take_word(text);
    const auto [end, error] =
        std::from_chars(count.data(), count.data() + count.size(), policy.count);
    if (error != std::errc{} || end != count.data() + count.size()) return std::nullopt;
    if (policy.count == 0) return std::nullopt;
  } else if (equal_ignoring_case(word, "all")) {
    policy.kind = AckPolicy::Kind::kAll;
  } else {
    return std::nullopt;
  }
  auto names = parse_names(text);
  if (!names) return std::nullopt;
  policy.names = std::move(*names);
  return policy;
}

std::string show_ack_policy(const AckPolicy& policy) {
  if (policy.kind == AckPolicy::Kind::kSpool) return "spool";
  std::string text =
      policy.kind == AckPolicy::Kind::kAll ? "all (" : "any " + std::to_string(policy.count) + " (";
  for (const std::string& name : policy.names) {
    if (text.back() != '(') text += ", ";
    text += name;
  }
  return text + ")";
}

Quorum::Quorum(AckPolicy policy) : policy_(std::move(policy)) {
  if (policy_.kind == AckPolicy::Kind::kAny) groups_.emplace_back();
  if (policy_.kind != AckPolicy::Kind::kAll) return;
  for (const std::string& name : policy_.names) groups_.emplace_back().name = name;
}

void Quorum::set_listener(std::function<void()> changed) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
}

void Quorum::report(std::uint32_t process_id, std::string_view name, const Positions& positions) {
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    const auto [found, is_new] = standbys_.try_emplace(process_id);
    Standby& standby = found->second;
    if (!is_new && standby.positions == positions) return;
    if (is_new) {
      standby.name = name;
    } else {
      take_out(standby);
    }
    standby.positions = positions;
    put_in(standby);
    if (!publish()) return;
    changed = changed_;
  }
  if (changed) changed();
}

// Less may be confirmed then. The receiver is not woken for it: the primary has heard of more.
void Quorum::remove(std::uint32_t process_id) {
  const runtime::Lock lock(mutex_);
  const auto found = standbys_.find(process_id);
  if (found == standbys_.end()) return;
  take_out(found->second);
  standbys_.erase(found);
  publish();
}

bool Quorum::belongs(const Group& group, const Standby& standby) const {
  return policy_.kind == AckPolicy::Kind::kAny || group.name == kAnyName ||
         equal_ignoring_case(group.name, standby.name);
}

void Quorum::put_in(const Standby& standby) {
  for (Group& group : groups_) {
    if (!belongs(group, standby)) continue;
    group.write.insert(standby.positions.write);
    group.flush.insert(standby.positions.flush);
    group.apply.insert(standby.positions.apply);
  }
}

void Quorum::take_out(const Standby& standby) {
  const auto erase_one = [](Ordered& positions, Lsn position) {
    const auto found = positions.find(position);
    CHECK(found != positions.end());
    positions.erase(found);
  };
  for (Group& group : groups_) {
    if (!belongs(group, standby)) continue;
    erase_one(group.write, standby.positions.write);
    erase_one(group.flush, standby.positions.flush);
    erase_one(group.apply, standby.positions.apply);
  }
}

Lsn Quorum::confirmed(Ordered Group::*positions) const {
  const std::size_t count = policy_.kind == AckPolicy::Kind::kAny ? policy_.count : 1;
  std::optional<Lsn> least;
  for (const Group& group : groups_) {
    const Ordered& of_group = group.*positions;
    if (of_group.size() < count) return Lsn();
    const Lsn nth = *std::next(of_group.begin(), static_cast<std::ptrdiff_t>(count - 1));
    least = std::min(least.value_or(nth), nth);
  }
  return least.value_or(Lsn());
}

bool Quorum::publish() {
  const Positions before = confirmed();
  write_.store(confirmed(&Group::write));
  flush_.store(confirmed(&Group::flush));
  apply_.store(confirmed(&Group::apply));
  return confirmed() != before;
}

}  // namespace server::source
