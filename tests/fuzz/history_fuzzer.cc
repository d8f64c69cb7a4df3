// Timeline history files.
//   input: the tip, a segment size, a position, then the file's text

#include <string>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/timeline.h"
#include "tests/fuzz/input.h"

namespace {

using server::wal::Lsn;
using server::wal::SegmentNo;
using server::wal::SegmentSize;
using server::wal::TimelineHistory;
using server::wal::TimelineId;

// The timelines that own anything, oldest first, as a history file lists them.
std::string print(const TimelineHistory& history) {
  std::string text;
  TimelineId timeline = history.owner(Lsn());
  while (const auto end = history.switch_point(timeline)) {
    text += runtime::format("{}\t{}\tprinted\n", value(timeline), *end);
    timeline = *history.next(timeline);
  }
  CHECK(timeline == history.tip());
  return text;
}

// From the owner of the first position on, each timeline begins where the one before it ends.
void check_chain(const TimelineHistory& history) {
  TimelineId timeline = history.owner(Lsn());
  while (const auto next = history.next(timeline)) {
    CHECK(*next > timeline && history.contains(*next));
    CHECK(history.begin(*next) == *history.switch_point(timeline));
    timeline = *next;
  }
  CHECK(timeline == history.tip() && !history.switch_point(timeline));
}

void check_position(const TimelineHistory& history, SegmentSize size, Lsn lsn) {
  const TimelineId owner = history.owner(lsn);
  CHECK(history.contains(owner) && history.begin(owner) <= lsn);
  for (auto later = history.next(owner); later; later = history.next(*later)) {
    CHECK(history.begin(*later) > lsn);
  }
  const SegmentNo no = size.segment_of(lsn);
  for (const TimelineId file :
       {history.file_timeline(no, size, owner), history.file_timeline(no, size)}) {
    CHECK(history.contains(file));
  }
  // The file holds the segment to its end, or is the tip's.
  const auto end = history.switch_point(history.file_timeline(no, size, owner));
  CHECK(!end || size.segment_of(*end) != no);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const TimelineId tip{std::max<std::uint32_t>(input.integer<std::uint32_t>(), 1)};
  const SegmentSize segment_size(std::uint32_t{1} << (20 + input.integer<std::uint8_t>() % 11));
  const Lsn lsn(input.integer<std::uint64_t>());
  const std::string text = tests::text_of(input.rest());

  const auto history = TimelineHistory::parse(tip, text);
  if (!history) {
    CHECK(history.error().kind == &server::wal::kBadHistory && !history.error().hint.empty());
    return 0;
  }
  CHECK(history->tip() == tip && history->contains(tip) && history->text() == text);
  check_chain(*history);
  check_position(*history, segment_size, lsn);
  check_position(*history, segment_size, history->begin(tip));

  const std::string printed = print(*history);
  const auto again = TimelineHistory::parse(tip, printed);
  CHECK(again.has_value() && print(*again) == printed);
  CHECK(again->owner(lsn) == history->owner(lsn));
  return 0;
}
