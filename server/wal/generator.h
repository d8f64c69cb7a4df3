#pragma once

// Synthetic WAL: valid records of arbitrary content, for benchmarks and demonstrations that have no
// PostgreSQL to make them.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/wal/builder.h"
#include "server/wal/format.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"
#include "server/wal/segment_output.h"

namespace server::wal {

inline constexpr std::uint64_t kSyntheticSystemIdentifier = 7000000000000000001;

// What the records are like.
struct RecordMix {
  std::uint32_t record_bytes_min = 50;  // whole records, as xl_tot_len counts
  std::uint32_t record_bytes_max = 8000;
  std::uint64_t seed = 1;
};

struct GeneratorOptions {
  std::string directory;
  Identity identity{.system_identifier = kSyntheticSystemIdentifier,
                    .segment_size = SegmentSize(),
                    .page_magic = *page_magic(15)};
  TimelineId timeline{1};
  // Where the directory's WAL ends, and where its last record begins; invalid to begin with
  // segment 1.
  Lsn start = {};
  Lsn previous_record = {};
  RecordMix records = {};
  bool sync = false;  // fsync every full segment
};

// Writes synthetic WAL into a directory of segments, as fast as asked.
//   Owner: the synthetic source, or generate().  Thread: the owner's; blocks on the disk.
//   Invariant: between calls the files end with a whole record, unless the last call failed.
//   Invariant: a record depends on the seed and its LSN only, so WAL made in two runs is that of
//     one.
//   Limits: one batch in memory: kBatchBytes and one record.
class Generator {
 public:
  // A batch is one pwrite: large enough to make the call cheap, small enough to stay in the cache.
  static constexpr std::uint64_t kBatchBytes = 256 * 1024;

  // The directory must exist. Whatever lies in it at or after `start` is removed.
  static runtime::Result<std::unique_ptr<Generator>> open(const GeneratorOptions& options);

  // Writes whole records until end() is at `target` or after it. After a failure (a full disk, say)
  // the next call tries the same bytes again.
  runtime::Result<void> append_until(Lsn target);
  // The same for `bytes` more than there are.
  runtime::Result<void> append_bytes(std::uint64_t bytes) { return append_until(end() + bytes); }

  // Writes whole records that end as near before `target` as records can: less than
  // kShortOfTargetMax before it. Does nothing if that is behind end().
  static constexpr std::uint64_t kShortOfTargetMax = 64;  // a record's and a page's header
  runtime::Result<void> append_up_to(Lsn target);

  // Writes records, the last one as short as it must be, and a switch: end() is `limit` then.
  // REQUIRES: limit is a segment's start, and there is room for the switch in the segment before
  // it.
  runtime::Result<void> fill(Lsn limit);

  // Ends the segment with a switch, unless end() is at a segment's start.
  runtime::Result<void> finish();

  // Unlinks segments that hold nothing from `keep_from` on, and returns how many.
  runtime::Result<std::uint64_t> remove_before(Lsn keep_from);

  Lsn end() const { return builder_.end(); }
  Lsn previous_record() const { return builder_.previous_record(); }
  std::uint64_t records() const { return records_; }  // appended since open, switches included

 private:
  explicit Generator(const GeneratorOptions& options, Lsn start);

  std::uint32_t draw_record_bytes() const;
  std::uint32_t draw_record_bytes(std::uint64_t room) const;
  void append_record(std::uint32_t record_bytes);
  runtime::Result<void> write_full_batch();
  runtime::Result<void> write_batch();

  const RecordMix mix_;
  WalBuilder builder_;
  SegmentOutput output_;
  std::vector<std::uint64_t> payload_;
  std::uint64_t records_ = 0;
};

// What `walcast generate` is asked for.
struct GenerateOptions {
  std::string directory;         // made if just its last part is missing
  std::uint64_t size_bytes = 0;  // rounded up to whole segments
  SegmentSize segment_size = {};
  std::uint64_t system_identifier = kSyntheticSystemIdentifier;
  std::uint16_t page_magic = *wal::page_magic(15);
  TimelineId timeline{1};
  RecordMix records = {};
  bool sync = false;
  // Called now and then with what is written so far.
  std::function<void(std::uint64_t done_bytes)> progress = [](std::uint64_t) {};
};

struct GenerateSummary {
  Lsn begin;
  Lsn end;
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::string first_segment;
  std::string last_segment;
};

// Fills a directory that has no WAL yet with whole segments, from segment 1 on. A failure leaves
// what was written until then. Blocks.
runtime::Result<GenerateSummary> generate(const GenerateOptions& options);

}  // namespace server::wal
