#include "server/config/log_options.h"

#include <syslog.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/format.h"
#include "server/settings/option_types.h"
#include "server/wire/text.h"

namespace server::config {

namespace {

using runtime::format;
using runtime::Result;
using runtime::log::Destinations;
using Form = Destinations::Form;

constexpr auto kReloaded = settings::SettingContext::kSighup;

// Nothing else of the words has a place: there is no collector of logs, so that what PostgreSQL
// writes to files goes to standard error, which has one form.
Result<void> take_word(std::string_view name, std::string_view text, std::string_view word,
                       Destinations& taken) {
  const auto is = [&](std::string_view known) { return wire::equal_ignoring_case(word, known); };
  if (is("syslog")) {
    taken.to_syslog = true;
    return {};
  }
  if (!is("stderr") && !is("jsonlog")) {
    runtime::Fail failure = settings::invalid_value(
        name, text, "Available values: stderr or jsonlog, and syslog, separated by commas.");
    failure.error.detail = format("Unrecognized key word: \"{}\".", word);
    return failure;
  }
  const Form form = is("stderr") ? Form::kText : Form::kJson;
  if (taken.on_stderr != Form::kNone && taken.on_stderr != form) {
    runtime::Fail failure = settings::invalid_value(name, text);
    failure.error.detail = "Both stderr and jsonlog are written to standard error.";
    return failure;
  }
  taken.on_stderr = form;
  return {};
}

settings::OptionType<Destinations> destinations() {
  return {[](std::string_view name, std::string_view text) -> Result<Destinations> {
            Destinations taken{.on_stderr = Form::kNone};
            for (const std::string& word : TRY(settings::comma_list().parse(name, text))) {
              TRY(take_word(name, text, word, taken));
            }
            return taken;
          },
          [](const Destinations& to) {
            std::string shown = to.on_stderr == Form::kText   ? "stderr"
                                : to.on_stderr == Form::kJson ? "jsonlog"
                                                              : "";
            if (to.to_syslog) shown += shown.empty() ? "syslog" : ",syslog";
            return shown;
          }};
}

constexpr std::array<std::pair<std::string_view, int>, 8> kFacilities{{{"local0", LOG_LOCAL0},
                                                                       {"local1", LOG_LOCAL1},
                                                                       {"local2", LOG_LOCAL2},
                                                                       {"local3", LOG_LOCAL3},
                                                                       {"local4", LOG_LOCAL4},
                                                                       {"local5", LOG_LOCAL5},
                                                                       {"local6", LOG_LOCAL6},
                                                                       {"local7", LOG_LOCAL7}}};

settings::OptionType<int> facility() {
  return {[](std::string_view name, std::string_view text) -> Result<int> {
            for (const auto& [word, number] : kFacilities) {
              if (wire::equal_ignoring_case(text, word)) return number;
            }
            return settings::invalid_value(name, text,
                                           "Available values: local0, local1, local2, local3, "
                                           "local4, local5, local6, local7.");
          },
          [](const int& number) {
            for (const auto& [word, known] : kFacilities) {
              if (known == number) return std::string(word);
            }
            return std::string();
          }};
}

}  // namespace

void add_log_options(settings::Options& options, LogConfig& log) {
  options.add("log-destination", log.output.destinations, "stderr", destinations(),
              "Where the log goes: stderr (text) or jsonlog (the same place, as JSON), and syslog; "
              "separated by commas",
              kReloaded);
  options.add("log-line-prefix", log.output.prefix, std::string(log.output.kUsualPrefix),
              settings::text(), "What begins each line of text of the log, as PostgreSQL has it",
              kReloaded);
  options.add("syslog-facility", log.output.syslog_facility, "local0", facility(),
              "The facility of what goes to syslog, local0 to local7", kReloaded);
  options.add("syslog-ident", log.output.syslog_ident, "walcast", settings::text(),
              "The program's name in syslog", kReloaded);
  options.add("log-connections", log.connections, "off", settings::boolean(),
              "Log each connection, and who it is once that is known", kReloaded);
  options.add("log-disconnections", log.disconnections, "off", settings::boolean(),
              "Log the end of each session, and how long it was", kReloaded);
  options.add("log-replication-commands", log.replication_commands, "off", settings::boolean(),
              "Log each replication command", kReloaded);
}

}  // namespace server::config
