#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"

namespace server::source {

// A place to connect to. What is empty is libpq's default.
struct Host {
  std::string name;     // or the directory of a Unix socket
  std::string address;  // numeric; empty: the name is looked up
  std::string port;

  friend bool operator==(const Host&, const Host&) = default;
};

// "host=... hostaddr=... port=...", without what is empty.
std::string describe(const Host& host);

// What libpq makes of a connection string, with its service file and PG* environment, taken apart:
// libpq limits the time that a host may take only in its blocking calls (connectDBComplete), and
// goes no further when one ends the connection before it is made.
struct Conninfo {
  std::vector<Host> hosts;  // in the order in which they are tried; at least one
  // target_session_attrs, for each pass through the hosts.
  std::vector<std::string> session_attrs;
  // connect_timeout, for each address; zero: there is none. None: the string does not say.
  std::optional<runtime::Duration> host_timeout;
  // What else the string says, by libpq's names.
  std::vector<std::pair<std::string, std::string>> options;
};

// The string as it may be shown: what libpq takes for a secret has stars for its value, and what
// the string does not say is not in it (libpqwalreceiver.c, libpqrcv_get_conninfo). A string that
// libpq cannot read is not shown at all.
std::string show_conninfo(const std::string& text);

// kUpstreamLost, in libpq's words.
runtime::Result<Conninfo> read_conninfo(const std::string& text);

}  // namespace server::source
