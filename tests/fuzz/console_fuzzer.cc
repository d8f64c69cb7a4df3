// Messages of a normal connection, with SQL in them.
//   input: for each message a byte that chooses its type, the length of its body, and the body; of
//   Query the text alone

#include <memory>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "server/session/console_turns.h"
#include "server/stats/snapshot.h"
#include "tests/console/sample_snapshot.h"
#include "tests/fuzz/input.h"
#include "tests/support/replication_messages.h"

namespace {

using server::session::ConsoleAnswer;
using server::session::ConsoleStatements;
using server::session::ConsoleTurns;

constexpr std::string_view kTypes = "QPBEDCSHFdcf";
constexpr std::size_t kMessagesMax = 64;
constexpr std::size_t kStepsMax = 100'000;

// One for all inputs: it keeps nothing of a session.
server::console::Engine& engine() {
  static const runtime::SystemClock clock;
  static const auto snapshot =
      std::make_shared<const server::stats::Snapshot>(tests::sample_snapshot());
  static server::console::Engine made({.snapshot = [] { return snapshot; },
                                       .clock = &clock,
                                       .time_max = std::chrono::milliseconds(20)});
  return made;
}

// All answers of a message.
std::string play(ConsoleTurns& turns, const std::string& message) {
  turns.forget_cancel();
  turns.begin(tests::exact_copy(tests::as_bytes(message)));
  std::string answers;
  for (std::size_t steps = 0;; ++steps) {
    CHECK(steps < kStepsMax);
    const ConsoleAnswer answer = turns.step(engine());
    answers += tests::as_text(answer.messages);
    CHECK(answer.kept_bytes <= ConsoleStatements::kBytesMax);
    CHECK(answer.done || !answer.ready);
    if (answer.done) return answers;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  auto state = std::make_shared<server::console::SessionState>();
  state->user = state->database = "u";
  server::settings::Notices notices;
  CHECK(state->settings.set({}, "client_encoding", "UTF8", notices));
  bool ended = false;
  {
    ConsoleTurns turns(state, [&ended] { ended = true; });
    for (std::size_t count = 0; count < kMessagesMax && !input.empty(); ++count) {
      const char type = kTypes[input.integer<std::uint8_t>() % kTypes.size()];
      std::string body = tests::text_of(input.take(input.length()));
      if (type == 'Q') body = body.substr(0, body.find('\0')) + '\0';
      const std::string message = tests::client_message(type, body);
      const auto cut =
          server::wire::cut_message(tests::as_bytes(message), server::wire::During::kCommands);
      if (cut.cut != server::wire::Cut::kMessage) continue;  // the loop hangs up
      std::string answers = play(turns, message);
      const auto messages = tests::take_messages(answers);
      CHECK(answers.empty());  // all of them are whole
      const bool asks = type == 'Q' || type == 'S' || type == 'F';
      std::size_t ready = 0;
      for (const auto& each : messages) ready += each.type == 'Z' ? 1 : 0;
      // One that is skipped up to Sync has no answer at all.
      CHECK(asks ? ready == 1 || messages.empty() : ready == 0);
      if (ready == 1) CHECK(messages.back().type == 'Z' && messages.back().body.size() == 1);
    }
    std::string last = play(turns, tests::client_message('S', ""));
    CHECK(tests::take_messages(last).back().type == 'Z');  // whatever came before
  }
  CHECK(ended);
  return 0;
}
