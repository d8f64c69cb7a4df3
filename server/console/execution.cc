#include "server/console/execution.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/binary.h"
#include "server/console/errors.h"
#include "server/console/function.h"
#include "server/console/server_text.h"
#include "server/console/sqlite_values.h"
#include "server/console/times.h"
#include "server/settings/session_settings.h"

namespace server::console {

namespace {

// What SQLite has for a column, as a value of the column's type is kept: an expression of numbers
// may be of the other kind there.
Value kept_as(Type type, Value value) {
  const bool real = type == Type::kFloat4 || type == Type::kFloat8;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    if (real) return Value(static_cast<double>(*whole));
    if (is_string(type)) return Value(runtime::format("{}", *whole));
    return value;
  }
  if (const auto* number = std::get_if<double>(&value)) {
    if (real || type == Type::kNumeric) return value;
    constexpr double kWhole = 9.2e18;
    if (!(*number<kWhole&& * number> - kWhole)) return {};
    return Value(static_cast<std::int64_t>(*number));
  }
  const bool is_number_here = type == Type::kBool || is_number(type) || type == Type::kXid ||
                              type == Type::kLsn || info(type).category == 'D' ||
                              type == Type::kInterval;
  if (std::holds_alternative<std::string>(value) && is_number_here) {
    auto read = read_text(type, std::get<std::string>(value));
    return read ? *read : Value();
  }
  return value;
}

void bind_value(sqlite3_stmt* statement, int index, const Value& value) {
  int code = SQLITE_OK;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    code = sqlite3_bind_int64(statement, index, *whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    code = sqlite3_bind_double(statement, index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    code = sqlite3_bind_text(statement, index, text->data(), static_cast<int>(text->size()),
                             SQLITE_TRANSIENT);
  }
  // A parameter that the statement does not use is not there for SQLite (SQLITE_RANGE).
  static_cast<void>(code);
}

}  // namespace

runtime::Result<void> Execution::begin() {
  begun_ = true;
  const EngineOptions& options = setting_.options;
  run_.snapshot = options.snapshot();
  CHECK(run_.snapshot != nullptr);
  run_.session = &setting_.session;
  run_.now = to_timestamp(options.clock->wall_now());
  run_.time_left = options.time_max;
  tag_ = statement().tag;
  if (statement().kind != Statement::Kind::kQuery) return run_utility();
  const int code = sqlite3_prepare_v3(setting_.database.handle(), statement().sql.c_str(), -1, 0,
                                      &compiled_, nullptr);
  if (code != SQLITE_OK) return setting_.database.error(code, run_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    bind_value(compiled_, static_cast<int>(i) + 1, parameters_[i]);
  }
  return {};
}

runtime::Result<Fetched> Execution::fetch(std::int64_t rows_max, std::size_t bytes_max,
                                          const RowSink& sink) {
  if (done_) {
    // A portal that has ended has no rows more.
    return Fetched{.suspended = false, .tag = statement().tag == "SELECT" ? "SELECT 0" : tag_};
  }
  if (!begun_) {
    if (auto begun = begin(); !begun) {
      done_ = true;
      return std::move(begun).error();
    }
  }
  if (statement().kind != Statement::Kind::kQuery) return give_rows(rows_max, sink);
  const runtime::Clock& clock = *setting_.options.clock;
  const runtime::Instant start = clock.now();
  run_.deadline = start + run_.time_left;
  setting_.database.set_current(&run_);
  auto fetched = step(rows_max, bytes_max, sink);
  setting_.database.set_current(nullptr);
  run_.time_left -= clock.now() - start;
  if (!fetched || !fetched->suspended) {
    done_ = true;
    sqlite3_finalize(std::exchange(compiled_, nullptr));
    run_.rows.clear();
    run_.snapshot.reset();
  }
  return fetched;
}

runtime::Result<Fetched> Execution::step(std::int64_t rows_max, std::size_t bytes_max,
                                         const RowSink& sink) {
  std::int64_t rows = 0;
  std::size_t bytes = 0;
  while (true) {
    if ((rows_max > 0 && rows == rows_max) || (bytes_max > 0 && bytes >= bytes_max)) {
      return Fetched{.suspended = true, .tag = {}};
    }
    const int code = sqlite3_step(compiled_);
    if (code == SQLITE_DONE) break;
    if (code != SQLITE_ROW) return setting_.database.error(code, run_);
    bytes += give_row(sink);
    ++rows;
    ++rows_given_;
  }
  if (tag_ == "SELECT") tag_ = runtime::format("SELECT {}", rows_given_);
  return Fetched{.suspended = false, .tag = tag_};
}

std::size_t Execution::give_row(const RowSink& sink) {
  const std::size_t columns = statement().columns.size();
  std::vector<std::string> texts(columns);
  std::vector<std::optional<std::string_view>> values(columns);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    const Type type = statement().column_types[i];
    const Value value =
        kept_as(type, value_of(sqlite3_column_value(compiled_, static_cast<int>(i))));
    if (is_null(value)) continue;
    texts[i] = formats_[i] == Format::kBinary ? write_binary(type, value) : write_text(type, value);
    values[i] = texts[i];
    bytes += texts[i].size();
  }
  sink(values);
  constexpr std::size_t kBytesOfValue = 4;  // its length
  return bytes + columns * kBytesOfValue;
}

// The rows of SHOW.
runtime::Result<Fetched> Execution::give_rows(std::int64_t rows_max, const RowSink& sink) {
  std::int64_t rows = 0;
  for (; own_at_ < own_rows_.size(); ++own_at_, ++rows) {
    if (rows_max > 0 && rows == rows_max) return Fetched{.suspended = true, .tag = {}};
    std::vector<std::optional<std::string_view>> values(own_rows_[own_at_].begin(),
                                                        own_rows_[own_at_].end());
    sink(values);
  }
  done_ = true;
  return Fetched{.suspended = false, .tag = tag_};
}

runtime::Result<void> Execution::run_utility() {
  const settings::Settings& settings = *run_.snapshot->settings;
  SessionState& session = setting_.session;
  switch (statement().kind) {
    case Statement::Kind::kShow:
      own_rows_.push_back({TRY(shown_setting(settings, session, statement().name))});
      return {};
    case Statement::Kind::kShowAll:
      for (const settings::Setting& setting : settings.all()) {
        own_rows_.push_back({setting.name, TRY(shown_setting(settings, session, setting.name)),
                             setting.description});
      }
      return {};
    case Statement::Kind::kSet:
      return change_setting(settings, session, statement().name, statement().value);
    case Statement::Kind::kReset:
      return reset();
    case Statement::Kind::kBegin:
      return begin_transaction();
    case Statement::Kind::kCommit:
      end_transaction(true);
      return {};
    case Statement::Kind::kRollback:
      end_transaction(false);
      return {};
    case Statement::Kind::kReload:
      return reload();
    case Statement::Kind::kEmpty:
    case Statement::Kind::kQuery:
    case Statement::Kind::kNothing:
      break;
  }
  return {};
}

runtime::Result<void> Execution::begin_transaction() {
  SessionState& session = setting_.session;
  if (session.transaction != TransactionStatus::kIdle) {
    session.notices.push_back(
        {wire::Severity::kWarning,
         {.kind = &kActiveTransaction, .what = "there is already a transaction in progress"}});
    return {};
  }
  session.transaction = TransactionStatus::kInBlock;
  return {};
}

void Execution::end_transaction(bool commits) {
  SessionState& session = setting_.session;
  const TransactionStatus was = std::exchange(session.transaction, TransactionStatus::kIdle);
  if (was == TransactionStatus::kIdle) {
    session.notices.push_back(
        {wire::Severity::kWarning,
         {.kind = &kNoTransaction, .what = "there is no transaction in progress"}});
  }
  if (commits && was == TransactionStatus::kFailed) tag_ = "ROLLBACK";
}

// Back to the server's value; RESET ALL, which pools send between clients, leaves what the client
// has set when it came.
runtime::Result<void> Execution::reset() {
  if (statement().name.empty()) return {};
  const settings::Settings& settings = *run_.snapshot->settings;
  const settings::SessionSettings none;
  const auto initial = TRY(settings::find_shown(settings, none, statement().name));
  return change_setting(settings, setting_.session, statement().name, initial.value);
}

runtime::Result<void> Execution::reload() {
  for (const Function& function : verb_functions()) {
    if (function.name != "pg_reload_conf") continue;
    setting_.database.set_current(&run_);
    auto done = setting_.database.call(function, {});
    setting_.database.set_current(nullptr);
    if (!done) return std::move(done).error();
  }
  return {};
}

}  // namespace server::console
