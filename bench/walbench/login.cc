#include "bench/walbench/login.h"

#include <charconv>

#include "bench/walbench/failures.h"
#include "runtime/format.h"
#include "server/wire/codec.h"

namespace bench::walbench {

using server::wal::SegmentSize;
using server::wal::TimelineId;

namespace {

runtime::Error protocol_error(std::string what) {
  return {.kind = &kServerProtocol, .what = std::move(what)};
}

template <typename T>
std::optional<T> parse_number(std::string_view text, std::string_view* rest) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  *rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return number;
}

runtime::Result<void> check_authentication(std::span<const std::byte> body) {
  const std::uint32_t code = TRY(server::wire::ByteReader(body).integer<std::uint32_t>());
  if (code == 0) return {};
  const char* name = code == 3    ? "a password"
                     : code == 5  ? "an MD5 password"
                     : code == 10 ? "SASL"
                                  : "an unknown method";
  return runtime::Error{.kind = &kAuthentication,
                        .what = runtime::format(
                            "server asks for authentication ({}), only trust is supported", name)};
}

}  // namespace

Bytes Login::greeting(const std::string& user, const std::string& application_name) {
  return startup_message({{"user", user},
                          {"database", "replication"},
                          {"replication", "true"},
                          {"application_name", application_name}});
}

runtime::Result<Login::Step> Login::on_message(const BackendMessage& message) {
  switch (message.type) {
    case 'E':  // ErrorResponse
      return parse_server_error(message.body);
    case 'R':  // Authentication
      TRY(check_authentication(message.body));
      return Step{};
    case 'D':  // DataRow
      TRY(on_row(message.body));
      return Step{};
    case 'Z':  // ReadyForQuery
      return on_ready();
    case 'W':  // CopyBothResponse
      if (phase_ != Phase::kStart) break;
      return Step{.stream = plan_};
    case 'S':  // ParameterStatus
    case 'K':  // BackendKeyData
    case 'N':  // NoticeResponse
    case 'T':  // RowDescription
    case 'C':  // CommandComplete
      return Step{};
    default:
      break;
  }
  return protocol_error(
      runtime::format("unexpected message type \"{}\" from the server", message.type));
}

const char* Login::waits_for() const {
  switch (phase_) {
    case Phase::kStartup:
      return "start-up";
    case Phase::kIdentify:
      return "IDENTIFY_SYSTEM";
    case Phase::kShow:
      return "SHOW wal_segment_size";
    case Phase::kStart:
      return "START_REPLICATION";
  }
  UNREACHABLE();
}

runtime::Result<void> Login::on_row(std::span<const std::byte> body) {
  const Row row = TRY(parse_row(body));
  answered_ = true;
  if (phase_ == Phase::kIdentify) return on_identity(row);
  if (phase_ == Phase::kShow) return on_segment_size(row);
  return {};  // a next-timeline result: on_ready() says what that means
}

// systemid, timeline, xlogpos, dbname.
runtime::Result<void> Login::on_identity(const Row& row) {
  if (row.size() < 3 || !row[1] || !row[2]) return protocol_error("malformed IDENTIFY_SYSTEM row");
  std::string_view rest;
  const auto timeline = parse_number<std::uint32_t>(*row[1], &rest);
  const auto position = server::wal::parse_lsn(*row[2]);
  if (!timeline || *timeline == 0 || !rest.empty() || !position) {
    return protocol_error("malformed IDENTIFY_SYSTEM row");
  }
  plan_.timeline = wish_.timeline.value_or(TimelineId{*timeline});
  server_position_ = *position;
  return {};
}

runtime::Result<void> Login::on_segment_size(const Row& row) {
  const auto size = row.empty() || !row[0] ? std::nullopt : parse_segment_size(*row[0]);
  if (!size) return protocol_error("malformed wal_segment_size");
  plan_.segment_size = *size;
  plan_.start = wish_.start.value_or(size->start(size->segment_of(server_position_)));
  return {};
}

runtime::Result<Login::Step> Login::on_ready() {
  if (phase_ == Phase::kStart) {
    // A start at a historic timeline's end is answered without a stream.
    return runtime::Error{.kind = &kStopped, .what = "server has no more WAL on this timeline"};
  }
  if (phase_ != Phase::kStartup && !answered_) {
    return protocol_error(runtime::format("no answer to {}", waits_for()));
  }
  answered_ = false;
  switch (phase_) {
    case Phase::kStartup:
      phase_ = Phase::kIdentify;
      return Step{.send = query("IDENTIFY_SYSTEM")};
    case Phase::kIdentify:
      phase_ = Phase::kShow;
      return Step{.send = query("SHOW wal_segment_size")};
    case Phase::kShow:
      phase_ = Phase::kStart;
      return Step{.send = query(runtime::format("START_REPLICATION PHYSICAL {} TIMELINE {}",
                                                plan_.start, value(plan_.timeline)))};
    case Phase::kStart:
      break;
  }
  UNREACHABLE();
}

std::optional<SegmentSize> parse_segment_size(std::string_view text) {
  std::string_view unit;
  const auto number = parse_number<std::uint32_t>(text, &unit);
  if (!number) return std::nullopt;
  const unsigned shift = unit == "MB" ? 20 : unit == "GB" ? 30 : 0;
  const std::uint64_t bytes = std::uint64_t{*number} << shift;
  if (shift == 0 || !SegmentSize::is_valid(bytes)) return std::nullopt;
  return SegmentSize(static_cast<std::uint32_t>(bytes));
}

}  // namespace bench::walbench
