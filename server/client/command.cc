#include "server/client/command.h"

#include <cstdint>
#include <string_view>

#include "runtime/format.h"
#include "server/client/ctl.h"
#include "server/client/status.h"
#include "server/client/top.h"
#include "server/client/top_model.h"
#include "server/settings/flags.h"
#include "server/settings/option_types.h"
#include "server/settings/options.h"
#include "server/wire/errors.h"

namespace server::client {

using runtime::format;

namespace {

runtime::Error wrong(std::string what, std::string hint = {}) {
  return {.kind = &wire::kSyntaxError, .what = std::move(what), .hint = std::move(hint)};
}

void add_place(settings::Options& options, Place& place) {
  options.add("host", place.host, "", settings::text(),
              "Host of the server, or directory of its Unix socket; none: PGHOST, or localhost");
  options.add("port", place.port, "", settings::text(), "Its port; none: PGPORT, or 5433");
  options.add("username", place.user, "", settings::text(), "The role to log in as");
}

std::string usage(Command::Verb verb) {
  switch (verb) {
    case Command::Verb::kTop:
      return "Usage: walcast top [OPTION]... [CONNINFO]\n\n" + std::string(top_keys()) + "\n";
    case Command::Verb::kStatus:
      return "Usage: walcast status [OPTION]... [CONNINFO]\n\n";
    case Command::Verb::kCtl:
      return "Usage: walcast ctl [OPTION]... [--conninfo=CONNINFO] COMMAND\n\n" +
             std::string(ctl_commands()) + "\n";
  }
  return {};
}

}  // namespace

runtime::Result<CommandReading> read_command(Command::Verb verb,
                                             const std::vector<std::string>& words) {
  CommandReading reading;
  Command& command = reading.command;
  command.verb = verb;
  settings::Options options(nullptr);
  add_place(options, command.place);
  if (verb == Command::Verb::kStatus) {
    options.add_switch("json", command.json, "Print one JSON object");
  }
  if (verb == Command::Verb::kCtl) {
    options.add("conninfo", command.place.conninfo, "", settings::secret(),
                "A connection string or URI of libpq");
  }
  if (verb == Command::Verb::kTop) {
    options.add("interval", command.interval, "1s", settings::duration(settings::Unit::kSeconds),
                "Time between two looks");
    options.add("looks", command.looks, "0", settings::integer<int>(0, 1'000'000'000),
                "Ends after so many looks; 0: with the key q");
    options.add("sort", command.sort, "lag", settings::text(),
                "What standbys are sorted by: " + top_orders());
    options.add("filter", command.filter, "", settings::text(),
                "Only standbys with this in their name or address");
  }
  auto flags = TRY(settings::read_flags(options, words));
  if (flags.help) {
    reading.help = usage(verb) + options.help();
    return reading;
  }
  for (const auto& assignment : flags.assignments) TRY(options.assign(assignment));
  if (verb == Command::Verb::kCtl) {
    command.words = std::move(flags.operands);
    TRY(check_ctl(command.words));
    return reading;
  }
  if (flags.operands.size() > 1) {
    return wrong(format("too many command-line arguments (first is \"{}\")", flags.operands[1]));
  }
  if (!flags.operands.empty()) command.place.conninfo = flags.operands.front();
  if (verb == Command::Verb::kTop && !find_order(command.sort).has_value()) {
    return wrong(format("invalid value for parameter \"sort\": \"{}\"", command.sort),
                 "Available values: " + top_orders() + ".");
  }
  return reading;
}

int run(const Command& command) {
  switch (command.verb) {
    case Command::Verb::kTop:
      return run_top(command);
    case Command::Verb::kStatus:
      return run_status(command);
    case Command::Verb::kCtl:
      return run_ctl(command);
  }
  return 1;
}

}  // namespace server::client
