#include "bench/walbench/login.h"

#include <charconv>
#include <utility>

#include "bench/walbench/failures.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/codec.h"

namespace bench::walbench {

using behaviour::StartPoint;
using server::wal::Lsn;
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
      return Step{.send = TRY(proof_.on_request(message.body))};
    case 'D':  // DataRow
      TRY(on_row(message.body));
      return Step{};
    case 'Z':  // ReadyForQuery
      return on_ready();
    case 'W':  // CopyBothResponse
      if (phase_ != Phase::kStart) break;
      return Step{.stream = plan_};
    case 'S':  // ParameterStatus
      on_parameter(message.body);
      return Step{};
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

// "server_version", "15.13 (Debian 15.13-0+deb12u1)", both with a zero behind them.
void Login::on_parameter(std::span<const std::byte> body) {
  std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  constexpr std::string_view kName("server_version", sizeof("server_version"));
  if (!text.starts_with(kName)) return;
  text.remove_prefix(kName.size());
  std::string_view rest;
  plan_.server_major = parse_number<std::uint32_t>(text, &rest).value_or(0);
}

const char* Login::waits_for() const {
  switch (phase_) {
    case Phase::kStartup:
      return "start-up";
    case Phase::kIdentify:
      return "IDENTIFY_SYSTEM";
    case Phase::kShow:
      return "SHOW wal_segment_size";
    case Phase::kSlot:
      return "CREATE_REPLICATION_SLOT";
    case Phase::kStart:
      return "START_REPLICATION";
  }
  UNREACHABLE();
}

runtime::Result<void> Login::on_row(std::span<const std::byte> body) {
  if (phase_ == Phase::kStart) next_ = parse_next_timeline(body);
  const Row row = TRY(parse_row(body));
  answered_ = true;
  if (phase_ == Phase::kIdentify) return on_identity(row);
  if (phase_ == Phase::kShow) return on_segment_size(row);
  return {};
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
  plan_.start = start();
  return {};
}

Lsn Login::start() const {
  const SegmentSize size = plan_.segment_size;
  // The first segment has no WAL: a new cluster's begins with the second.
  const Lsn first(size.bytes());
  switch (wish_.start.kind) {
    case StartPoint::Kind::kUnsaid:
      return size.start(size.segment_of(server_position_));
    case StartPoint::Kind::kEnd:
      return server_position_;
    case StartPoint::Kind::kBack:
      if (server_position_ < first + wish_.start.back_bytes) return first;
      return server_position_ - wish_.start.back_bytes;
    case StartPoint::Kind::kLsn:
      return wish_.start.lsn;
  }
  UNREACHABLE();
}

runtime::Result<Login::Step> Login::on_ready() {
  if (phase_ == Phase::kStart) {
    // A start at a historic timeline's end is answered without a stream.
    if (!wish_.follows_timelines || !next_.has_value()) {
      return runtime::Error{.kind = &kStopped, .what = "server has no more WAL on this timeline"};
    }
    plan_.timeline = next_->timeline;
    plan_.start = std::exchange(next_, std::nullopt)->start;
    return ask_for_stream();
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
      if (!wish_.makes_slot) return ask_for_stream();
      phase_ = Phase::kSlot;
      return Step{.send = query(runtime::format(
                      "CREATE_REPLICATION_SLOT \"{}\" PHYSICAL RESERVE_WAL", wish_.slot))};
    case Phase::kSlot:
      has_made_slot_ = true;
      return ask_for_stream();
    case Phase::kStart:
      break;
  }
  UNREACHABLE();
}

Bytes Login::resume(const StreamPlan& plan) {
  plan_ = plan;
  return ask_for_stream().send;
}

Login::Step Login::ask_for_stream() {
  phase_ = Phase::kStart;
  const std::string slot = wish_.slot.empty() ? "" : runtime::format("SLOT \"{}\" ", wish_.slot);
  return {.send = query(runtime::format("START_REPLICATION {}PHYSICAL {} TIMELINE {}", slot,
                                        plan_.start, value(plan_.timeline)))};
}

// next_tli, next_tli_startpos (walsender.c, StartReplication).
std::optional<NextTimeline> parse_next_timeline(std::span<const std::byte> body) {
  const auto row = parse_row(body);
  if (!row || row->size() != 2 || !(*row)[0] || !(*row)[1]) return std::nullopt;
  std::string_view rest;
  const auto timeline = parse_number<std::uint32_t>(*(*row)[0], &rest);
  const auto start = server::wal::parse_lsn(*(*row)[1]);
  if (!timeline || *timeline == 0 || !rest.empty() || !start) return std::nullopt;
  return NextTimeline{.timeline = TimelineId{*timeline}, .start = *start};
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
