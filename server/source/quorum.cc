#include "server/source/quorum.h"

#include <algorithm>
#include <charconv>
#include <utility>

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

void Quorum::set_listener(std::function<void()> changed) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
}

void Quorum::report(std::uint32_t process_id, std::string_view name, const Positions& positions) {
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    const auto [standby, is_new] = standbys_.try_emplace(process_id);
    if (is_new) standby->second.name = name;
    if (standby->second.positions == positions) return;
    standby->second.positions = positions;
    changed = changed_;
  }
  if (changed) changed();
}

void Quorum::remove(std::uint32_t process_id) {
  const runtime::Lock lock(mutex_);
  standbys_.erase(process_id);
}

Quorum::Positions Quorum::confirmed() const {
  const runtime::Lock lock(mutex_);
  return {.write = confirmed(&Positions::write),
          .flush = confirmed(&Positions::flush),
          .apply = confirmed(&Positions::apply)};
}

Lsn Quorum::confirmed(Lsn Positions::*position) const {
  if (policy_.kind == AckPolicy::Kind::kAny) {
    std::vector<Lsn> found;
    for (const auto& [process_id, standby] : standbys_) {
      found.push_back(standby.positions.*position);
    }
    if (found.size() < policy_.count) return Lsn();
    const auto nth = found.begin() + static_cast<std::ptrdiff_t>(policy_.count - 1);
    std::nth_element(found.begin(), nth, found.end(), std::greater<>());
    return *nth;
  }
  Lsn least(~std::uint64_t{0});
  for (const std::string& name : policy_.names) {
    Lsn furthest;
    for (const auto& [process_id, standby] : standbys_) {
      if (name != kAnyName && !equal_ignoring_case(name, standby.name)) continue;
      furthest = std::max(furthest, standby.positions.*position);
    }
    least = std::min(least, furthest);
  }
  return policy_.names.empty() ? Lsn() : least;
}

}  // namespace server::source
