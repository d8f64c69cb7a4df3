#include "tests/tidy/layers.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace tests {

namespace {

struct Floor {
  std::string_view folder;
  int number;
};

constexpr Floor kFloors[]{
    {"memctx", 0},          {"runtime", 1},         {"server/wire", 2},     {"server/wal", 2},
    {"server/settings", 3}, {"server/auth", 3},     {"server/source", 3},   {"server/slot", 3},
    {"server/verify", 3},   {"server/client", 4},   {"server/stream", 4},   {"server/command", 5},
    {"server/admin", 5},    {"server/stats", 6},    {"server/console", 7},  {"server/http", 7},
    {"server/session", 8},  {"server/config", 8},   {"bench/behaviour", 8}, {"server/assembly", 9},
    {"server", 10},         {"bench/walbench", 10}, {"tests/support", 10},  {"bench/forwarder", 11},
    {"bench/results", 11},  {"bench/trace", 11},    {"bench/live", 12},     {"bench", 13},
};

// A library, by how its includes begin, and the only files or folders that may include it.
struct Library {
  std::string_view prefix;
  std::array<std::string_view, 6> allowed;
};

constexpr Library kLibraries[]{
    {"<fmt/", {"runtime/format.h"}},
    {"<spdlog/", {}},
    {"<tbb/", {"runtime/in_order.cc", "bench/"}},
    {"<oneapi/", {}},
    {"<concurrentqueue/", {"runtime/mailbox.h"}},
    {"<readerwriterqueue/", {"runtime/span_queue.h"}},
    {"<libpq-fe.h>",
     {"server/source/conninfo.cc", "server/source/host_connector.cc",
      "server/source/primary_query.cc", "server/source/upstream.cc", "bench/live/sql_session.cc",
      "server/client/connection.cc"}},
    {"<re2/", {"server/auth/regex.cc"}},
    {"<sqlite3.h>", {"server/console/"}},
    {"<CLI/", {"bench/walbench/", "bench/live/", "bench/results/", "bench/trace/"}},
    {"<nlohmann/", {"bench/results/", "runtime/json.cc", "server/http/"}},
    {"<httplib.h>", {"server/http/"}},
    {"<prometheus/", {"server/http/"}},
    {"<toml++/", {"bench/behaviour/"}},
    {"<openssl/", {"runtime/tls_", "server/auth/", "server/http/http_tls", "bench/walbench/tls_"}},
    {"<unicode/", {"server/auth/saslprep.cc"}},
    {"<benchmark/", {"bench/"}},
    {"<jemalloc/", {"bench/"}},
    {"<valgrind/", {"bench/"}},
    {"<sanitizer/", {"memctx/poison.h", "runtime/tsan.h"}},
    {"<atomic>", {"runtime/"}},
    {"<mutex>", {"runtime/mutex.h"}},
    {"<shared_mutex>", {}},
    {"<condition_variable>", {"runtime/mutex.h"}},
    {"<future>", {}},
    {"<coroutine>", {}},
    {"<iostream>", {}},
    {"<gtest/", {}},
    {"<gmock/", {}},
};

std::optional<int> floor_of(std::string_view folder) {
  for (const Floor& floor : kFloors) {
    if (floor.folder == folder) return floor.number;
  }
  return std::nullopt;
}

std::optional<std::string_view> own_include_breach(std::string_view path, std::string_view name) {
  const std::string_view from = folder_of(path);
  const std::string_view to = folder_of(name);
  const auto floor = floor_of(from);
  const auto wanted = floor_of(to);
  if (!floor) return "is in a folder that has no floor";
  if (!wanted) return "includes from a folder that has no floor";
  if (*wanted > *floor) return "includes upward";
  if (*wanted == *floor && to != from) return "includes sideways";
  return std::nullopt;
}

std::optional<std::string_view> library_breach(std::string_view path, std::string_view include) {
  for (const Library& library : kLibraries) {
    if (!include.starts_with(library.prefix)) continue;
    const bool allowed = std::any_of(
        library.allowed.begin(), library.allowed.end(),
        [&](std::string_view place) { return !place.empty() && path.starts_with(place); });
    if (!allowed) return "may not include";
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> layer_breaches(const SourceFile& file) {
  std::vector<std::string> breaches;
  if (file.path.starts_with("tests/")) return breaches;
  for (const std::string& include : includes_of(file.text)) {
    const bool own = include.front() == '"';
    const std::string_view name = std::string_view(include).substr(1, include.size() - 2);
    const auto breach =
        own ? own_include_breach(file.path, name) : library_breach(file.path, include);
    if (breach) breaches.push_back(file.path + " " + std::string(*breach) + " " + include);
  }
  return breaches;
}

}  // namespace tests
