#include "server/client/ctl.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <span>

#include "runtime/format.h"
#include "runtime/print.h"
#include "server/client/report.h"
#include "server/wire/errors.h"

namespace server::client {

using runtime::format;

namespace {

// A command, the statement that it is, and what is said when that is done.
struct CtlVerb {
  std::string_view name;
  std::string_view operand;  // as the help has it; empty: none
  std::string_view statement;
  std::string_view done;          // {} is the operand, or of a count the count
  std::string_view false_answer;  // what a false means; empty: it is none
  bool counts = false;
};

constexpr std::array kVerbs{
    CtlVerb{"reload", "", "SELECT pg_reload_conf()", "configuration is read again", ""},
    CtlVerb{"drop-slot", "SLOT", "SELECT pg_drop_replication_slot($1)",
            "replication slot \"{}\" is dropped", ""},
    CtlVerb{"terminate", "PID", "SELECT pg_terminate_backend($1::int)",
            "session of PID {} is terminated", "there is no session of PID {}"},
    CtlVerb{"switch-upstream", "CONNINFO", "SELECT walcast_switch_upstream($1)",
            "WAL comes from another primary", ""},
    CtlVerb{"pause", "STANDBY", "SELECT walcast_pause($1)", "{} standbys are paused", "", true},
    CtlVerb{"resume", "STANDBY", "SELECT walcast_resume($1)", "{} standbys go on", "", true},
};

const CtlVerb* find_verb(std::string_view name) {
  const auto at = std::ranges::find(kVerbs, name, &CtlVerb::name);
  return at == kVerbs.end() ? nullptr : &*at;
}

std::string fill_in(std::string_view pattern, std::string_view value) {
  std::string text(pattern);
  const auto at = text.find("{}");
  if (at != std::string::npos) text.replace(at, 2, value);
  return text;
}

}  // namespace

std::string_view ctl_commands() {
  return "Commands, for roles that are superusers:\n"
         "  reload                    read the configuration again\n"
         "  drop-slot SLOT            drop a replication slot that no session uses\n"
         "  terminate PID             end a session\n"
         "  switch-upstream CONNINFO  take WAL from another server of the cluster\n"
         "  pause STANDBY             send no WAL to the standbys of this application_name\n"
         "  resume STANDBY            send it again\n";
}

runtime::Result<void> check_ctl(const std::vector<std::string>& words) {
  const auto wrong = [](std::string what) {
    return runtime::Error{.kind = &wire::kSyntaxError,
                          .what = std::move(what),
                          .hint = "Try \"walcast ctl --help\" for more information."};
  };
  if (words.empty()) return wrong("no command is given");
  const CtlVerb* const verb = find_verb(words.front());
  if (verb == nullptr) return wrong(format("unrecognized command \"{}\"", words.front()));
  const std::size_t operands = verb->operand.empty() ? 0 : 1;
  if (words.size() - 1 < operands) {
    return wrong(format("\"{}\" needs {}", verb->name, verb->operand));
  }
  if (words.size() - 1 > operands) {
    return wrong(format("too many command-line arguments (first is \"{}\")", words[1 + operands]));
  }
  return {};
}

int run_ctl(const Command& command) {
  const CtlVerb& verb = *find_verb(command.words.front());
  auto connection = Connection::open(command.place, "walcast ctl");
  if (!connection) return report(connection.error());
  const auto operands = std::span(command.words).subspan(1);
  const auto answer = connection->ask(std::string(verb.statement), operands);
  if (!answer) return report(answer.error());
  const std::string operand = operands.empty() ? "" : printable(operands.front());
  const bool has_value = !answer->rows.empty() && !answer->rows.front().empty() &&
                         answer->rows.front().front().has_value();
  const std::string value = has_value ? *answer->rows.front().front() : "";
  if (!verb.false_answer.empty() && value == "f") {
    return report({.kind = &wire::kUndefinedObject, .what = fill_in(verb.false_answer, operand)});
  }
  const std::string done = fill_in(verb.done, verb.counts ? value : operand);
  const auto printed = runtime::print(stdout, done + "\n");
  return printed ? 0 : report(printed.error());
}

}  // namespace server::client
