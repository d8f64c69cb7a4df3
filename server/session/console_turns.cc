#include "server/session/console_turns.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/session/client_text.h"
#include "server/session/console_output.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::session {

using console::TransactionStatus;
using runtime::format;
using runtime::Result;
using wire::MessageWriter;
using wire::Severity;

namespace {

// An error of the extended protocol has all that follows skipped up to Sync.
bool is_extended(char type) {
  return type == 'P' || type == 'B' || type == 'E' || type == 'D' || type == 'C' || type == 'H';
}

// Characters of UTF-8, as positions in a statement are counted.
int characters(std::string_view text) {
  return static_cast<int>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Result<console::Format> format_of(std::int16_t code) {
  if (code == wire::kTextFormat) return console::Format::kText;
  if (code == wire::kBinaryFormat) return console::Format::kBinary;
  return runtime::Error{.kind = &wire::kInvalidParameterValue,
                        .what = format("unsupported format code: {}", code)};
}

runtime::Error failed_transaction() {
  return {
      .kind = &console::kFailedTransaction,
      .what = "current transaction is aborted, commands ignored until end of transaction block"};
}

runtime::Error cancelled(bool by_timeout) {
  return {.kind = &wire::kQueryCanceled,
          .what = by_timeout ? "canceling statement due to statement timeout"
                             : "canceling statement due to user request"};
}

}  // namespace

ConsoleTurns::ConsoleTurns(std::shared_ptr<console::SessionState> session,
                           std::function<void()> on_end)
    : session_(std::move(session)), on_end_(std::move(on_end)) {}

ConsoleTurns::~ConsoleTurns() {
  if (on_end_) on_end_();
}

void ConsoleTurns::begin(std::vector<std::byte> batch) {
  CHECK(at_ == batch_.size() && !is_busy());
  batch_ = std::move(batch);
  at_ = 0;
}

ConsoleAnswer ConsoleTurns::step(console::Engine& engine) {
  const runtime::Instant began = clock_.now();
  MessageWriter out(std::pmr::new_delete_resource());
  ready_ = false;
  bool done = false;
  do {
    go_on(engine, out);
    done = !is_busy() && at_ == batch_.size();
  } while (!done && out.bytes().size() < kStepBytes && clock_.now() - began < kStepTime);
  if (done) {
    batch_ = {};
    at_ = 0;
  }
  return {.messages = {out.bytes().begin(), out.bytes().end()},
          .done = done,
          .ready = ready_,
          .transaction = session_->transaction,
          .kept_bytes = kept_.bytes(),
          .settings = session_->settings};
}

void ConsoleTurns::go_on(console::Engine& engine, MessageWriter& out) {
  if (!is_busy()) {
    const wire::CutResult cut =
        wire::cut_message(std::span(batch_).subspan(at_), wire::During::kCommands);
    CHECK(cut.cut == wire::Cut::kMessage);
    at_ += cut.bytes_used;
    return turn(cut.message, engine, out);
  }
  const bool of_query = !running_.has_value() || running_->of_query;
  auto done = running_.has_value() ? fetch(out) : begin_statement(engine, out);
  if (!done) {
    running_.reset();
    ignore_till_sync_ = !of_query;
    fail(std::move(done).error(), out);
    if (of_query) be_ready(out);
    return;
  }
  if (of_query && !is_busy()) be_ready(out);
}

// One turn of the loop of PostgresMain.
void ConsoleTurns::turn(const wire::InboundMessage& message, console::Engine& engine,
                        MessageWriter& out) {
  if (ignore_till_sync_ && message.type != 'S') return;
  ignore_till_sync_ = false;
  if (auto handled = handle(message, engine, out); !handled) {
    ignore_till_sync_ = is_extended(message.type);
    fail(std::move(handled).error(), out);
  } else if (is_busy()) {
    return;  // the query's last statement is followed by ReadyForQuery
  }
  if (message.type == 'Q' || message.type == 'S' || message.type == 'F') be_ready(out);
}

Result<void> ConsoleTurns::handle(const wire::InboundMessage& message, console::Engine& engine,
                                  MessageWriter& out) {
  switch (message.type) {
    case 'Q':
      return query(message.body, out);
    case 'P':
      return parse(message.body, engine, out);
    case 'B':
      return bind(message.body, engine, out);
    case 'E':
      return execute(message.body);
    case 'D':
      return describe(message.body, out);
    case 'C':
      return close(message.body, out);
    case 'F':
      return call_function(message.body);
    case 'H':
    case 'S':
      return wire::ByteReader(message.body).expect_end();
    case 'd':
    case 'c':
    case 'f':
      return {};  // of a COPY, which there is none of
    default:
      UNREACHABLE();
  }
}

// What the longjmp block of PostgresMain does.
void ConsoleTurns::fail(runtime::Error error, MessageWriter& out) {
  statements_of_query_.clear();
  next_statement_ = 0;
  if (error.kind == &wire::kQueryCanceled && session_->cancel_requested.load()) {
    error = cancelled(timed_out_.load());
  }
  send_notices(*session_, out);
  console::fail_transaction(*session_);
  kept_.close_all_portals();
  out.error_response(Severity::kError, error);
}

// Outside of a block each message that ReadyForQuery answers ends a transaction, and its portals.
void ConsoleTurns::be_ready(MessageWriter& out) {
  if (session_->transaction == TransactionStatus::kIdle) kept_.close_all_portals();
  send_reports(*session_, out);
  out.ready_for_query(static_cast<char>(session_->transaction));
  ready_ = true;
}

Result<void> ConsoleTurns::query(std::span<const std::byte> body, MessageWriter& out) {
  wire::ByteReader reader(body);
  query_ = TRY(text(reader));
  TRY(reader.expect_end());
  kept_.close_statement("");
  statements_of_query_ = TRY(console::split_statements(query_));
  next_statement_ = 0;
  if (statements_of_query_.empty()) out.empty_query_response();
  return {};
}

// exec_simple_query, for one of the string's statements.
Result<void> ConsoleTurns::begin_statement(console::Engine& engine, MessageWriter& out) {
  statement_begun_.store(clock_.now().time_since_epoch().count());
  const console::StatementText statement = statements_of_query_[next_statement_++];
  TRY(check_cancel());
  auto prepared = engine.prepare(*session_, statement.text, {});
  if (!prepared) {
    runtime::Error error = std::move(prepared).error();
    if (error.position > 0) error.position += characters(query_.substr(0, statement.offset));
    return error;
  }
  if (!(*prepared)->parameter_types().empty()) {
    return runtime::Error{.kind = &console::kUndefinedParameter,
                          .what = "there is no parameter $1"};
  }
  std::shared_ptr<console::Portal> portal = TRY(engine.bind(*session_, *prepared, {}, {}));
  if (!portal->columns().empty()) describe_columns(portal->columns(), {}, out);
  running_ = Running{.prepared = *prepared,
                     .portal = std::move(portal),
                     .text = std::string(statement.text),
                     .of_query = true};
  return {};
}

// exec_parse_message.
Result<void> ConsoleTurns::parse(std::span<const std::byte> body, console::Engine& engine,
                                 MessageWriter& out) {
  const wire::Parse message = TRY(wire::parse_parse(body));
  TRY(check_text(message.statement));
  TRY(check_text(message.query));
  if (message.statement.empty()) kept_.close_statement("");
  const auto statements = TRY(console::split_statements(message.query));
  if (statements.size() > 1) {
    return runtime::Error{.kind = &wire::kSyntaxError,
                          .what = "cannot insert multiple commands into a prepared statement"};
  }
  const console::StatementText only = statements.empty() ? console::StatementText{} : statements[0];
  auto prepared = engine.prepare(*session_, only.text, message.parameter_types);
  if (!prepared) {
    runtime::Error error = std::move(prepared).error();
    if (error.position > 0) error.position += characters(message.query.substr(0, only.offset));
    return error;
  }
  TRY(kept_.check_statement_name(message.statement));
  TRY(kept_.add(message.statement, NamedStatement{*prepared, std::string(only.text)}));
  send_notices(*session_, out);
  out.parse_complete();
  return {};
}

// exec_bind_message.
Result<void> ConsoleTurns::bind(std::span<const std::byte> body, console::Engine& engine,
                                MessageWriter& out) {
  wire::Bind message = TRY(wire::Bind::begin(body));
  TRY(check_text(message.portal()));
  TRY(check_text(message.statement()));
  const NamedStatement& statement = *TRY(kept_.find_statement(message.statement()));
  TRY(message.read_counts(statement.prepared->parameter_types().size()));
  TRY(check_transaction(*statement.prepared));
  TRY(kept_.check_portal_name(message.portal()));
  TRY(message.read_rest());
  std::vector<console::Parameter> parameters;
  std::size_t bytes = 0;
  for (const auto& [code, value] : message.parameters()) {
    console::Parameter& parameter = parameters.emplace_back();
    parameter.format = TRY(format_of(code));
    if (!value.has_value()) continue;
    parameter.value = std::string_view(reinterpret_cast<const char*>(value->data()), value->size());
    if (parameter.format == console::Format::kText) TRY(check_text(*parameter.value));
    bytes += value->size();
  }
  std::vector<console::Format> formats;
  for (const std::int16_t code : message.result_formats()) formats.push_back(TRY(format_of(code)));
  std::shared_ptr<console::Portal> portal =
      TRY(engine.bind(*session_, statement.prepared, parameters, formats));
  TRY(kept_.add(message.portal(), NamedPortal{.prepared = statement.prepared,
                                              .portal = std::move(portal),
                                              .text = statement.text,
                                              .parameter_bytes = bytes}));
  send_notices(*session_, out);
  out.bind_complete();
  return {};
}

// exec_execute_message. Its rows are fetched from the next go_on() on.
Result<void> ConsoleTurns::execute(std::span<const std::byte> body) {
  const wire::Execute message = TRY(wire::parse_execute(body));
  TRY(check_text(message.portal));
  const NamedPortal& portal = *TRY(kept_.find_portal(message.portal));
  TRY(check_transaction(*portal.prepared));
  running_ = Running{.prepared = portal.prepared,
                     .portal = portal.portal,
                     .text = portal.text,
                     .rows_max = message.rows_max};
  return {};
}

// exec_describe_statement_message, exec_describe_portal_message.
Result<void> ConsoleTurns::describe(std::span<const std::byte> body, MessageWriter& out) {
  const wire::Target target = TRY(wire::parse_target(body, "DESCRIBE"));
  TRY(check_text(target.name));
  const bool is_portal = target.kind == 'P';
  const console::Prepared& prepared = is_portal
                                          ? *(*TRY(kept_.find_portal(target.name))).prepared
                                          : *(*TRY(kept_.find_statement(target.name))).prepared;
  if (!prepared.columns().empty()) TRY(check_transaction(prepared));
  if (!is_portal) out.parameter_description(prepared.parameter_types());
  if (prepared.columns().empty()) {
    out.no_data();
  } else if (is_portal) {
    const console::Portal& portal = *(*TRY(kept_.find_portal(target.name))).portal;
    describe_columns(portal.columns(), portal.formats(), out);
  } else {
    describe_columns(prepared.columns(), {}, out);
  }
  return {};
}

Result<void> ConsoleTurns::close(std::span<const std::byte> body, MessageWriter& out) {
  const wire::Target target = TRY(wire::parse_target(body, "CLOSE"));
  TRY(check_text(target.name));
  target.kind == 'S' ? kept_.close_statement(target.name) : kept_.close_portal(target.name);
  out.close_complete();
  return {};
}

// There are no functions with an OID (fastpath.c, fetch_fp_info).
Result<void> ConsoleTurns::call_function(std::span<const std::byte> body) const {
  if (session_->transaction == TransactionStatus::kFailed) return failed_transaction();
  const auto oid = TRY(wire::ByteReader(body).integer<std::uint32_t>());
  return runtime::Error{.kind = &console::kUndefinedFunction,
                        .what = format("function with OID {} does not exist", oid)};
}

// The next rows of the statement that runs, a step's worth of them at most.
Result<void> ConsoleTurns::fetch(MessageWriter& out) {
  Running& running = *running_;
  if (running.rows == 0) TRY(check_cancel());
  const std::uint64_t rows_left = running.rows_max == 0 ? 0 : running.rows_max - running.rows;
  const std::size_t written = std::min(out.bytes().size(), kStepBytes - 1);
  const auto sink = [&](std::span<const std::optional<std::string_view>> values) {
    ++running.rows;
    row_.write(values, running.portal->formats(), session_->settings.encoding(), out);
  };
  const console::Fetched fetched =
      TRY(running.portal->fetch(static_cast<std::int64_t>(rows_left), kStepBytes - written, sink));
  const bool is_full = running.rows_max != 0 && running.rows == running.rows_max;
  if (fetched.suspended && !is_full) return {};
  send_notices(*session_, out);
  if (fetched.suspended) {
    out.portal_suspended();
  } else {
    complete(fetched, out);
  }
  running_.reset();
  return {};
}

// The tag has the rows of this Execute, whatever steps they came in. A COMMIT or ROLLBACK leaves no
// portal.
void ConsoleTurns::complete(const console::Fetched& fetched, MessageWriter& out) {
  if (fetched.tag.empty()) return out.empty_query_response();
  const bool has_rows = fetched.tag.starts_with("SELECT ");
  out.command_complete(has_rows ? format("SELECT {}", running_->rows) : fetched.tag);
  if (running_->prepared->ends_transaction()) kept_.close_all_portals();
  if (fetched.tag.starts_with("DEALLOCATE") || fetched.tag.starts_with("DISCARD")) {
    forget_statements(running_->text);
  }
}

// DEALLOCATE [PREPARE] name, DEALLOCATE [PREPARE] ALL, DISCARD ALL: the engine has taken it.
void ConsoleTurns::forget_statements(std::string_view text) {
  std::string_view word = wire::trim(text);
  word = word.substr(word.find_last_of(" \t\r\n\f\v") + 1);
  if (wire::equal_ignoring_case(word, "all")) return kept_.close_all_statements();
  if (word.size() > 1 && word.front() == '"' && word.back() == '"') {
    return kept_.close_statement(word.substr(1, word.size() - 2));
  }
  std::string name(word);
  std::ranges::transform(name, name.begin(), wire::lower);
  kept_.close_statement(name);
}

Result<std::string_view> ConsoleTurns::text(wire::ByteReader& reader) const {
  const std::string_view text = TRY(reader.string());
  TRY(check_text(text));
  return text;
}

// A NUL is text in no encoding.
Result<void> ConsoleTurns::check_text(std::string_view text) const {
  const settings::Encoding encoding = session_->settings.encoding();
  TRY(check_received_text(encoding, text));
  if (text.find('\0') == std::string_view::npos) return {};
  return runtime::Error{.kind = &wire::kCharacterNotInRepertoire,
                        .what = format("invalid byte sequence for encoding \"{}\": 0x00",
                                       settings::name_of(encoding))};
}

Result<void> ConsoleTurns::check_transaction(const console::Prepared& prepared) const {
  if (session_->transaction != TransactionStatus::kFailed || prepared.ends_transaction()) return {};
  return failed_transaction();
}

Result<void> ConsoleTurns::check_cancel() const {
  if (!session_->cancel_requested.load()) return {};
  return cancelled(timed_out_.load());
}

}  // namespace server::session
