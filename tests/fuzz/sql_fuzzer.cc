// The console's SQL.
//   input: one byte of formats, then the text of a statement

#include <chrono>
#include <string>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "server/console/engine.h"
#include "server/stats/snapshot.h"
#include "tests/console/sample_snapshot.h"
#include "tests/fuzz/input.h"

namespace {

using server::console::Engine;
using server::console::Format;

// One for all inputs: it keeps nothing of a statement.
Engine& engine() {
  static const runtime::SystemClock clock;
  static const auto snapshot =
      std::make_shared<const server::stats::Snapshot>(tests::sample_snapshot());
  static Engine made({.snapshot = [] { return snapshot; },
                      .clock = &clock,
                      .time_max = std::chrono::milliseconds(100)});
  return made;
}

// An error has a text, a code, and a position within the statement.
void check_error(const runtime::Error& error, std::size_t bytes) {
  CHECK(!error.what.empty() && error.kind->code.size() == 5);
  CHECK(error.position >= 0 && static_cast<std::size_t>(error.position) <= bytes + 1);
}

void run(std::string_view text, Format format) {
  server::console::SessionState session;
  session.user = "fuzzer";
  const auto prepared = engine().prepare(session, text, {});
  if (!prepared) return check_error(prepared.error(), text.size());
  const std::vector<server::console::Parameter> nulls((*prepared)->parameter_types().size());
  const Format formats[]{format};
  const auto portal = engine().bind(session, *prepared, nulls, formats);
  if (!portal) return check_error(portal.error(), text.size());
  constexpr int kRowsMax = 100;
  const std::size_t columns = (*prepared)->columns().size();
  const auto fetched =
      (*portal)->fetch(kRowsMax, 0, [columns](auto values) { CHECK(values.size() == columns); });
  if (!fetched) check_error(fetched.error(), text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const Format format = (input.integer<std::uint8_t>() & 1) != 0 ? Format::kBinary : Format::kText;
  const std::string query = tests::text_of(input.rest());
  const std::string text = query.substr(0, query.find('\0'));
  const auto statements = server::console::split_statements(text);
  if (!statements) {
    check_error(statements.error(), text.size());
    return 0;
  }
  for (const auto& statement : *statements) run(statement.text, format);
  return 0;
}
