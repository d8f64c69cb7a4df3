#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "server/verify/verify.h"
#include "tests/wal/growing_wal.h"

namespace tests {

// What `walcast verify` says of a directory: its report, and its exit status.
struct Verified {
  explicit Verified(const server::verify::VerifyOptions& options) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* out = ::open_memstream(&text, &size);
    CHECK(out != nullptr);
    const runtime::FakeClock clock;
    status = server::verify::verify(options, clock, {.report = out, .progress = out});
    std::fclose(out);
    report.assign(text, size);
    std::free(text);
  }

  bool says(std::string_view words) const { return report.find(words) != report.npos; }
  std::size_t count(std::string_view words) const {
    std::size_t found = 0;
    for (auto at = report.find(words); at != report.npos; at = report.find(words, at + 1)) ++found;
    return found;
  }
  std::size_t faults() const { return count("FAULT: "); }
  std::size_t notes() const { return count("NOTE: "); }
  bool has_fault(server::wal::Lsn lsn) const { return says("FAULT: " + to_string(lsn) + " in "); }

  int status = 0;
  std::string report;
};

// A directory of segments of 1 MB, proven in pieces that may be smaller.
struct VerifyRig : GrowingWal {
  Verified verify() const { return Verified(options()); }
  server::verify::VerifyOptions options() const {
    return {.directory = directory.path(), .jobs = jobs, .piece_bytes = piece_bytes};
  }
  std::string name(std::uint64_t no) const {
    return segment_name(server::wal::TimelineId{1}, segment(no), identity.segment_size);
  }
  // One that lies in one page, so many records behind `no`'s begin.
  const server::wal::RecordSpan& record_in(std::uint64_t no, std::size_t skip = 5) const {
    const server::wal::Lsn begin = segment_start(no);
    for (const auto& record : records) {
      const bool in_page = record.begin.page_start() == (record.end - 1).page_start();
      if (record.begin > begin && in_page && skip-- == 0) return record;
    }
    UNREACHABLE();
  }

  std::size_t jobs = 1;
  std::uint64_t piece_bytes = server::verify::kPieceBytes;
};

}  // namespace tests
