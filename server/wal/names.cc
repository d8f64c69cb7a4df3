#include "server/wal/names.h"

namespace server::wal {

namespace {

constexpr std::size_t kTimelineDigits = 8;
constexpr std::size_t kSegmentDigits = 24;

constexpr std::uint64_t segments_per_log(SegmentSize segment_size) {
  return (std::uint64_t{1} << 32) / segment_size.bytes();
}

// REQUIRES: eight digits at most.
std::optional<std::uint32_t> parse_upper_hex(std::string_view digits) {
  std::uint32_t number = 0;
  for (const char digit : digits) {
    number <<= 4;
    if (digit >= '0' && digit <= '9') {
      number |= static_cast<std::uint32_t>(digit - '0');
    } else if (digit >= 'A' && digit <= 'F') {
      number |= static_cast<std::uint32_t>(digit - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return number;
}

std::optional<FileName> parse_history(std::string_view digits) {
  const auto timeline = parse_upper_hex(digits);
  if (!timeline || *timeline == 0) return std::nullopt;
  return FileName{.kind = FileName::Kind::kHistory, .timeline = TimelineId{*timeline}};
}

std::optional<FileName> parse_segment(FileName::Kind kind, std::string_view digits) {
  const auto timeline = parse_upper_hex(digits.substr(0, 8));
  const auto log = parse_upper_hex(digits.substr(8, 8));
  const auto seg = parse_upper_hex(digits.substr(16, 8));
  if (!timeline || *timeline == 0 || !log || !seg) return std::nullopt;
  return FileName{.kind = kind, .timeline = TimelineId{*timeline}, .log = *log, .seg = *seg};
}

}  // namespace

std::string segment_name(TimelineId timeline, SegmentNo no, SegmentSize segment_size) {
  const std::uint64_t per_log = segments_per_log(segment_size);
  return runtime::format("{:08X}{:08X}{:08X}", value(timeline), value(no) / per_log,
                         value(no) % per_log);
}

std::string file_name(const FileName& name) {
  if (name.kind == FileName::Kind::kHistory) return history_name(name.timeline);
  return runtime::format("{:08X}{:08X}{:08X}{}", value(name.timeline), name.log, name.seg,
                         name.kind == FileName::Kind::kPartial ? kPartialSuffix : "");
}

std::string history_name(TimelineId timeline) {
  return runtime::format("{:08X}{}", value(timeline), kHistorySuffix);
}

std::optional<SegmentNo> FileName::segment(SegmentSize segment_size) const {
  DCHECK(kind != Kind::kHistory);
  const std::uint64_t per_log = segments_per_log(segment_size);
  if (seg >= per_log) return std::nullopt;
  return SegmentNo{log * per_log + seg};
}

std::optional<FileName> parse_file_name(std::string_view name) {
  if (name.size() == kSegmentDigits) return parse_segment(FileName::Kind::kSegment, name);
  if (name.size() == kSegmentDigits + kPartialSuffix.size() && name.ends_with(kPartialSuffix)) {
    return parse_segment(FileName::Kind::kPartial, name.substr(0, kSegmentDigits));
  }
  if (name.size() == kTimelineDigits + kHistorySuffix.size() && name.ends_with(kHistorySuffix)) {
    return parse_history(name.substr(0, kTimelineDigits));
  }
  return std::nullopt;
}

}  // namespace server::wal
