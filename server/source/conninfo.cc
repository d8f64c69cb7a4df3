#include "server/source/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <string_view>

#include "runtime/format.h"
#include "server/source/errors.h"

namespace server::source {

using runtime::format;
using runtime::Result;

namespace {

// A second may be over at once where whole seconds are counted (connectDBComplete).
constexpr int kConnectTimeoutMin = 2;

using Values = std::map<std::string, std::string, std::less<>>;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

Values values_of(const Options& options) {
  Values values;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val != nullptr) values.emplace(option->keyword, option->val);
  }
  return values;
}

std::string value_of(const Values& values, std::string_view name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

// As a connection string has it: in quotes where it is empty or has blanks.
std::string quote(std::string_view value) {
  if (value.find_first_of(" '\\") == std::string_view::npos) return std::string(value);
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '\'';
}

runtime::Fail refused(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  return runtime::Fail({.kind = &kUpstreamLost, .what = std::string(message)});
}

Result<Values> parse(const std::string& text) {
  char* message = nullptr;
  const Options options(PQconninfoParse(text.c_str(), &message));
  if (options != nullptr) return values_of(options);
  auto failure = refused(message == nullptr ? "out of memory" : message);
  PQfreemem(message);
  return failure;
}

// The options that a connection would have, all defaults included. Only libpq knows where they come
// from, and it shows them of a connection only; this one is refused before a name is looked up.
struct Expanded {
  Values values;
  std::string refusal;
};

Expanded expand(const std::string& text) {
  const char* const names[] = {"dbname", "sslmode", nullptr};
  const char* const values[] = {text.c_str(), "none of libpq's", nullptr};
  PGconn* const connection = PQconnectStartParams(names, values, /*expand_dbname=*/1);
  Expanded expanded{.values = values_of(Options(PQconninfo(connection))),
                    .refusal = PQerrorMessage(connection)};
  PQfinish(connection);
  return expanded;
}

// "a,,b" is three; "" is one.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

// None if the lists do not match (connectOptions2).
std::vector<Host> read_hosts(const Values& values) {
  const std::string names = value_of(values, "host");
  const std::string addresses = value_of(values, "hostaddr");
  const auto name = split(names);
  const auto address = split(addresses);
  const auto port = split(value_of(values, "port"));
  const std::size_t count = addresses.empty() ? name.size() : address.size();
  if (!names.empty() && name.size() != count) return {};
  if (port.size() != 1 && port.size() != count) return {};
  std::vector<Host> hosts;
  for (std::size_t i = 0; i < count; ++i) {
    hosts.push_back({.name = names.empty() ? "" : name[i],
                     .address = addresses.empty() ? "" : address[i],
                     .port = port.size() == 1 ? port[0] : port[i]});
  }
  return hosts;
}

Result<std::optional<runtime::Duration>> read_timeout(const Values& values) {
  const std::string text = value_of(values, "connect_timeout");
  if (text.empty()) return std::optional<runtime::Duration>();
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return refused(
        format("invalid integer value \"{}\" for connection option \"connect_timeout\"", text));
  }
  if (seconds <= 0) return std::optional(runtime::Duration::zero());
  return std::optional<runtime::Duration>(
      std::chrono::seconds(std::max(seconds, kConnectTimeoutMin)));
}

// The options that are given anew for each connection to a host.
bool is_of_host(std::string_view name) {
  return name == "host" || name == "hostaddr" || name == "port" || name == "target_session_attrs";
}

}  // namespace

std::string show_conninfo(const std::string& text) {
  const Options options(PQconninfoParse(text.c_str(), nullptr));
  std::string shown;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val == nullptr || std::string_view(option->val).empty()) continue;
    const bool is_secret = std::string_view(option->dispchar).find('*') != std::string_view::npos;
    if (!shown.empty()) shown += ' ';
    shown += option->keyword;
    shown += '=';
    shown += is_secret ? "********" : quote(option->val);
  }
  return shown;
}

std::string describe(const Host& host) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += format("{}{}={}", text.empty() ? "" : " ", name, value);
  };
  add("host", host.name);
  add("hostaddr", host.address);
  add("port", host.port);
  return text;
}

Result<Conninfo> read_conninfo(const std::string& text) {
  Conninfo conninfo;
  for (auto& [name, value] : TRY(parse(text))) {
    if (!is_of_host(name)) conninfo.options.emplace_back(name, value);
  }
  const Expanded expanded = expand(text);
  // If the string names an unknown service, libpq shows no values, not even that of sslmode.
  if (!expanded.values.contains("sslmode")) return refused(expanded.refusal);
  conninfo.hosts = read_hosts(expanded.values);
  if (conninfo.hosts.empty()) return refused(expanded.refusal);
  conninfo.host_timeout = TRY(read_timeout(expanded.values));
  const std::string attrs = value_of(expanded.values, "target_session_attrs");
  conninfo.session_attrs = {attrs};
  if (attrs == "prefer-standby") conninfo.session_attrs = {"standby", "any"};
  return conninfo;
}

}  // namespace server::source
