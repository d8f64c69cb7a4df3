#include "bench/behaviour/scenario_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "bench/behaviour/group_keys.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace bench::behaviour {

using runtime::format;
using runtime::Result;

namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

// The place of what is wrong goes before it.
runtime::Error at(const std::string& path, const toml::source_region& where,
                  const runtime::Error& error) {
  return wrong(format("{}:{}: {}{}", path, where.begin.line, error.what,
                      error.hint.empty() ? "" : format(" ({})", error.hint)));
}

Result<std::uint64_t> seed_of(const toml::node& node) {
  const auto* seed = node.as_integer();
  if (seed == nullptr || seed->get() < 0) {
    return wrong("seed: a whole number, 0 or more, is expected");
  }
  return static_cast<std::uint64_t>(seed->get());
}

// Reads one file; errors name it.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  Result<Scenario> read(const toml::table& root) {
    for (const auto& [key, node] : root) TRY(take(key, node));
    if (scenario_.groups.empty()) return wrong(path_ + ": there is no [[group]]");
    return std::move(scenario_);
  }

 private:
  Result<void> take(const toml::key& key, const toml::node& node) {
    if (key.str() == "seed") {
      const auto seed = seed_of(node);
      if (!seed) return at(path_, key.source(), seed.error());
      scenario_.seed = *seed;
      return {};
    }
    if (key.str() != "group") {
      return at(
          path_, key.source(),
          wrong(format("unknown key \"{}\"; \"seed\" and \"[[group]]\" are known", key.str())));
    }
    const auto* groups = node.as_array();
    if (groups == nullptr) return at(path_, key.source(), wrong("group: it begins by [[group]]"));
    for (const toml::node& group : *groups) TRY(take_group(group));
    return {};
  }

  Result<void> take_group(const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return at(path_, node.source(), wrong("group: it begins by [[group]]"));
    Group group{.name = "", .count = 0};
    for (const auto& [key, value] : *table) {
      const auto taken = take_key(group, {.name = key.str(), .node = value});
      if (!taken) return at(path_, key.source(), taken.error());
    }
    if (const auto sound = check_group(group); !sound) {
      return at(path_, node.source(), sound.error());
    }
    return add(std::move(group), node.source());
  }

  Result<void> add(Group group, const toml::source_region& where) {
    if (!names_.insert(group.name).second) {
      return at(path_, where, wrong(format("there are two groups \"{}\"", group.name)));
    }
    scenario_.groups.push_back(std::move(group));
    if (count_standbys(scenario_.groups) <= kStandbysMax) return {};
    return at(path_, where, wrong(format("more than {} standbys", kStandbysMax)));
  }

  const std::string& path_;
  Scenario scenario_;
  std::set<std::string> names_;
};

}  // namespace

Result<Scenario> read_scenario(const std::string& path) {
  const auto text = runtime::read_text(path, kFileBytesMax);
  if (!text) return text.error();
  return parse_scenario(path, *text);
}

// Debian's library reports by exceptions; here they end.
Result<Scenario> parse_scenario(const std::string& path, std::string_view text) {
  try {
    return Reader(path).read(toml::parse(text, std::string_view(path)));
  } catch (const toml::parse_error& error) {
    return at(path, error.source(), wrong(std::string(error.description())));
  }
}

}  // namespace bench::behaviour
