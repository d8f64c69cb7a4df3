#include "server/wal/generator.h"

#include <algorithm>
#include <span>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/data_directory.h"
#include "server/wal/directory.h"
#include "server/wal/names.h"
#include "server/wal/record_room.h"

namespace server::wal {

using runtime::Error;
using runtime::format;
using runtime::Result;

namespace {

constexpr SegmentNo kFirstSegment{1};  // a new cluster's WAL begins there: LSN 0 is invalid
constexpr std::uint32_t kSwitchBytes = kRecordHeaderBytes;
constexpr std::uint32_t kShortestRecordBytes = 32;  // what fill() still writes
constexpr std::uint32_t kAlignment = 8;

// SplitMix64: one multiplication-heavy round per word, and any state is a good one.
class Random {
 public:
  Random(std::uint64_t seed, Lsn lsn) : state_(seed * kOdd ^ lsn.value()) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += kGamma;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15;
  static constexpr std::uint64_t kOdd = 0xD1342543DE82EF95;
  std::uint64_t state_;
};

// Main data that makes a record of about `record_bytes`: a few lengths cannot be, since the length
// of the data takes one byte or four.
std::size_t main_data_bytes(std::uint32_t record_bytes) {
  constexpr std::uint32_t kShortOverhead = kRecordHeaderBytes + 2;
  constexpr std::uint32_t kLongOverhead = kRecordHeaderBytes + 5;
  constexpr std::uint32_t kShortMax = 255;
  if (record_bytes <= kShortOverhead) return 0;
  if (record_bytes <= kShortOverhead + kShortMax) return record_bytes - kShortOverhead;
  return record_bytes - kLongOverhead;
}

// What that comes to.
std::uint32_t possible_record_bytes(std::uint32_t record_bytes) {
  const std::size_t data = main_data_bytes(record_bytes);
  const std::size_t data_header = data == 0 ? 0 : data <= 255 ? 2 : 5;
  return static_cast<std::uint32_t>(kRecordHeaderBytes + data_header + data);
}

// How many bytes of records fit into [from, limit), page headers taken off.
std::uint64_t record_room(Lsn from, Lsn limit, SegmentSize segment_size) {
  const auto starts = [&](std::uint64_t unit) {
    const auto before = [unit](Lsn lsn) { return (lsn.value() + unit - 1) / unit; };
    return before(limit) - before(from);
  };
  constexpr std::uint64_t kLongerBy = sizeof(LongPageHeader) - sizeof(PageHeader);
  return limit - from - starts(kPageBytes) * sizeof(PageHeader) -
         starts(segment_size.bytes()) * kLongerBy;
}

// The same for a limit that may lie anywhere, and behind `from`.
std::uint64_t room_before(Lsn from, Lsn limit, SegmentSize segment_size) {
  const bool in_header = limit.page_offset() <= page_header_bytes(limit.page_start(), segment_size);
  const Lsn end = in_header ? limit.page_start() : limit;
  return from < end ? record_room(from, end, segment_size) : 0;
}

Result<void> check(const RecordMix& mix) {
  if (mix.record_bytes_min >= kRecordHeaderBytes && mix.record_bytes_min <= mix.record_bytes_max &&
      mix.record_bytes_max <= kRecordBytesMax) {
    return {};
  }
  return Error{
      .kind = &runtime::kInvalidParameterValue,
      .what = format("invalid record size: {}..{}", mix.record_bytes_min, mix.record_bytes_max),
      .detail = format("Records have {} to {} bytes.", kRecordHeaderBytes, kRecordBytesMax)};
}

}  // namespace

Result<std::unique_ptr<Generator>> Generator::open(const GeneratorOptions& options) {
  TRY(check(options.records));
  const Lsn start =
      options.start.valid() ? options.start : options.identity.segment_size.start(kFirstSegment);
  std::unique_ptr<Generator> generator(new Generator(options, start));
  TRY(generator->output_.start(start));
  return generator;
}

Generator::Generator(const GeneratorOptions& options, Lsn start)
    : mix_(options.records),
      builder_(options.identity, options.timeline, start, options.previous_record),
      output_({.directory = options.directory,
               .timeline = options.timeline,
               .segment_size = options.identity.segment_size,
               .synced_by = options.sync ? SyncedBy::kOutput : SyncedBy::kNobody}),
      payload_(mix_.record_bytes_max / sizeof(std::uint64_t) + 1) {}

Result<void> Generator::append_until(Lsn target) {
  TRY(write_batch());
  while (end() < target) {
    append_record(draw_record_bytes());
    TRY(write_full_batch());
  }
  return write_batch();
}

Result<void> Generator::append_up_to(Lsn target) {
  const SegmentSize segment_size = builder_.identity().segment_size;
  TRY(write_batch());
  for (std::uint64_t room = room_before(end(), target, segment_size); room >= kRecordHeaderBytes;
       room = room_before(end(), target, segment_size)) {
    append_record(draw_record_bytes(room));
    TRY(write_full_batch());
  }
  return write_batch();
}

Result<void> Generator::fill(Lsn limit) {
  const SegmentSize segment_size = builder_.identity().segment_size;
  CHECK(segment_size.offset(limit) == 0 && end() < limit);
  TRY(write_batch());
  std::uint64_t room = record_room(end(), limit, segment_size);
  while (room >= kSwitchBytes + kShortestRecordBytes) {
    const std::uint64_t longest = (room - kSwitchBytes) / kAlignment * kAlignment;
    append_record(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(draw_record_bytes(), longest)));
    TRY(write_full_batch());
    room = record_room(end(), limit, segment_size);
  }
  CHECK(room >= kSwitchBytes);
  TRY(finish());
  CHECK(end() == limit);
  return {};
}

Result<void> Generator::finish() {
  TRY(write_batch());
  const RecordSpan last = builder_.append_switch(WalBuilder::Padding::kOmitted);
  if (last.begin != last.end) ++records_;
  return write_batch();
}

Result<std::uint64_t> Generator::remove_before(Lsn keep_from) {
  return output_.remove_before(keep_from);
}

std::uint32_t Generator::draw_record_bytes() const {
  const std::uint64_t choices = std::uint64_t{mix_.record_bytes_max} - mix_.record_bytes_min + 1;
  const std::uint64_t draw = Random(mix_.seed, end()).next() >> 32;
  return mix_.record_bytes_min + static_cast<std::uint32_t>(draw * choices >> 32);
}

// A record that fits, and behind which there is room for another, or for none.
std::uint32_t Generator::draw_record_bytes(std::uint64_t room) const {
  const std::uint64_t longest = room / kAlignment * kAlignment;
  if (longest <= mix_.record_bytes_min) return static_cast<std::uint32_t>(longest);
  const auto size = possible_record_bytes(
      static_cast<std::uint32_t>(std::min<std::uint64_t>(draw_record_bytes(), longest)));
  const std::uint64_t left = longest - align_record(size);
  if (left == 0 || left >= kRecordHeaderBytes) return size;
  if (longest <= mix_.record_bytes_max) return static_cast<std::uint32_t>(longest);
  return longest < 2 * kRecordHeaderBytes
             ? size
             : static_cast<std::uint32_t>(longest - kRecordHeaderBytes);
}

void Generator::append_record(std::uint32_t record_bytes) {
  const std::size_t size = main_data_bytes(record_bytes);
  Random random(~mix_.seed, end());
  const std::size_t words = size / sizeof(std::uint64_t) + 1;
  std::ranges::generate(std::span(payload_).first(words), [&] { return random.next(); });
  builder_.append_noop(std::as_bytes(std::span(payload_)).first(size));
  ++records_;
}

Result<void> Generator::write_full_batch() {
  return builder_.bytes().size() < kBatchBytes ? Result<void>() : write_batch();
}

// Begins after what an earlier call has written before it failed; the padding that a switch omitted
// is in the file already.
Result<void> Generator::write_batch() {
  const Lsn bytes_end = builder_.begin() + builder_.bytes().size();
  TRY(output_.append(builder_.bytes().last(bytes_end - std::min(bytes_end, output_.end()))));
  TRY(output_.skip_to(builder_.end()));
  builder_.clear();
  return {};
}

namespace {

Result<void> prepare_directory(const std::string& directory) {
  TRY(check_not_postgres(directory));
  TRY(runtime::create_private_directory(directory));
  if (!TRY(Directory(directory).list()).empty()) {
    return Error{.kind = &runtime::kObjectNotInPrerequisiteState,
                 .what = format("directory \"{}\" already holds WAL", directory),
                 .hint = "Name another directory, or remove the WAL from this one."};
  }
  return {};
}

}  // namespace

// How much is written between two words of progress.
constexpr std::uint64_t kProgressBytes = std::uint64_t{4} << 20;

Result<GenerateSummary> generate(const GenerateOptions& options) {
  const SegmentSize size = options.segment_size;
  const std::uint64_t segments = (options.size_bytes + size.bytes() - 1) / size.bytes();
  if (segments == 0)
    return Error{.kind = &runtime::kInvalidParameterValue, .what = "size of WAL must not be zero"};
  TRY(prepare_directory(options.directory));
  const auto generator =
      TRY(Generator::open({.directory = options.directory,
                           .identity = {.system_identifier = options.system_identifier,
                                        .segment_size = size,
                                        .page_magic = options.page_magic},
                           .timeline = options.timeline,
                           .start = size.start(kFirstSegment),
                           .previous_record = Lsn(),
                           .records = options.records,
                           .sync = options.sync}));
  const Lsn begin = size.start(kFirstSegment);
  const Lsn limit = begin + segments * size.bytes();
  const std::uint64_t step = std::min<std::uint64_t>(size.bytes(), kProgressBytes);
  // The last record of all is cut to fit, by fill(), for which a whole segment is left.
  while (generator->end() + step + size.bytes() < limit) {
    TRY(generator->append_bytes(step));
    options.progress(generator->end() - begin);
  }
  TRY(generator->fill(limit));
  const SegmentNo last = previous(size.segment_of(generator->end()));
  return GenerateSummary{
      .begin = begin,
      .end = generator->end(),
      .segments = segments,
      .records = generator->records(),
      .first_segment = segment_name(options.timeline, kFirstSegment, size),
      .last_segment = segment_name(options.timeline, last, size),
  };
}

}  // namespace server::wal
