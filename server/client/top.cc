#include "server/client/top.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/print.h"
#include "server/client/report.h"
#include "server/client/terminal.h"
#include "server/client/top_model.h"

namespace server::client {

namespace {

using runtime::Result;

constexpr char kEscape = '\x1b';
constexpr char kEndOfInput = '\x04';

Result<TopModel::Answers> look(Connection& connection) {
  const auto ask = [&](std::string_view statement) {
    return connection.ask(std::string(statement));
  };
  TopModel::Answers answers;
  answers.server = TRY(ask(TopModel::kServer));
  answers.standbys = TRY(ask(TopModel::kStandbys));
  answers.upstream = TRY(ask(TopModel::kUpstream));
  answers.spool = TRY(ask(TopModel::kSpool));
  if (auto latency = ask(TopModel::kLatency)) answers.latency = *std::move(latency);
  return answers;
}

// One server, watched: a connection that is lost is made anew at the next look.
class Watch {
 public:
  explicit Watch(const Command& command)
      : command_(command), model_(*find_order(command.sort), command.filter) {}

  Result<void> look_once() {
    if (connection_ == nullptr || !connection_->is_alive()) {
      connection_.reset();
      connection_ =
          std::make_unique<Connection>(TRY(Connection::open(command_.place, "walcast top")));
    }
    auto answers = look(*connection_);
    if (!answers) return std::move(answers).error();
    model_.take(*std::move(answers), clock_.now());
    return {};
  }
  TopModel& model() { return model_; }
  runtime::Instant now() const { return clock_.now(); }

 private:
  const Command& command_;
  const runtime::SystemClock clock_;
  TopModel model_;
  std::unique_ptr<Connection> connection_;
};

int print_looks(const Command& command, Watch& watch) {
  for (int looks = 1;; ++looks) {
    if (auto looked = watch.look_once(); !looked) return report(looked.error());
    std::string text;
    for (const std::string& line : watch.model().lines(0, 0)) text += line + "\n";
    if (auto printed = runtime::print(stdout, text + "\n"); !printed) {
      return report(printed.error());
    }
    if (looks == command.looks) return 0;
    // A signal brings the next look forward.
    ::poll(nullptr, 0, static_cast<int>(command.interval / std::chrono::milliseconds(1)));
  }
}

// Reads a filter in the last line; Escape leaves the one that there was.
void ask_for_filter(const Terminal& terminal, Watch& watch) {
  const std::string before = watch.model().filter();
  std::string filter;
  for (;;) {
    const Terminal::Size size = terminal.size();
    auto lines = watch.model().lines(size.columns, size.lines - 1);
    lines.resize(size.lines - 1);
    lines.push_back("filter: " + filter);
    terminal.draw(lines);
    const auto key = terminal.key(std::chrono::seconds(1));
    if (!key.has_value()) continue;
    if (*key == '\n' || *key == '\r') return;
    if (*key == kEscape || *key == kEndOfInput) return watch.model().set_filter(before);
    if (*key == '\x7f' || *key == '\b') {
      if (!filter.empty()) filter.pop_back();
    } else if (std::iscntrl(static_cast<unsigned char>(*key)) == 0) {
      filter += *key;
    }
    watch.model().set_filter(filter);
  }
}

// Returns whether to go on.
bool handle(char key, const Terminal& terminal, Watch& watch) {
  switch (key) {
    case 'q':
    case kEndOfInput:
      return false;
    case '/':
      ask_for_filter(terminal, watch);
      return true;
    case 'l':
      watch.model().set_order(Order::kLag);
      return true;
    case 'n':
      watch.model().set_order(Order::kName);
      return true;
    case 'r':
      watch.model().set_order(Order::kRate);
      return true;
    case 's':
      watch.model().set_order(Order::kState);
      return true;
    case 'p':
      watch.model().set_order(Order::kPid);
      return true;
    default:
      return true;
  }
}

int show_looks(const Command& command, Watch& watch) {
  const Terminal terminal;
  for (int looks = 1;; ++looks) {
    const runtime::Instant next = watch.now() + command.interval;
    if (auto looked = watch.look_once(); !looked) watch.model().note_failure(looked.error().what);
    runtime::Instant now{};
    do {
      const Terminal::Size size = terminal.size();
      terminal.draw(watch.model().lines(size.columns, size.lines));
      now = watch.now();
      const auto key = terminal.key(std::max(next - now, runtime::Duration::zero()));
      if (key.has_value() && !handle(*key, terminal, watch)) return 0;
      now = watch.now();
    } while (now < next);
    if (looks == command.looks) return 0;
  }
}

}  // namespace

std::string_view top_keys() {
  return "Keys: l, n, r, s, p sort by lag, name, rate, state, pid, the same again the other way;\n"
         "/ takes a filter, q ends. Without a terminal, each look is printed.\n";
}

// A server that cannot be asked at first is most likely not the one that was meant.
int run_top(const Command& command) {
  Watch watch(command);
  if (!Terminal::is_there()) return print_looks(command, watch);
  if (auto looked = watch.look_once(); !looked) return report(looked.error());
  return show_looks(command, watch);
}

}  // namespace server::client
