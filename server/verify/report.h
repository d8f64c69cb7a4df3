#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/verify/diagnosis.h"
#include "server/verify/joints.h"
#include "server/verify/survey.h"

namespace server::verify {

// What `walcast verify` has found, but for the diagnoses.
struct Outcome {
  // The exit status.
  enum class Verdict { kGood = 0, kFaults = 1, kNotRead = 2 };

  std::vector<TimelineEnd> ends = {};
  std::size_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // that were read
  double seconds = 0;
  std::uint64_t faults = 0;
  std::uint64_t not_read = 0;  // troubles, and compressed segments
  std::uint64_t notes = 0;
  wal::Lsn first_bad;  // invalid: none

  Verdict verdict() const {
    if (faults != 0) return Verdict::kFaults;
    return not_read != 0 ? Verdict::kNotRead : Verdict::kGood;
  }
};

// Says what is found, to people as it comes, or to programs as one JSON object at the end.
//   Owner: verify().  Thread: one at a time.  Borrows: the file, and the survey.
//   Limits: no more than kDiagnosesMax diagnoses are said in full; all are counted.
class Report {
 public:
  static constexpr std::uint64_t kDiagnosesMax = 1000;

  Report(bool json, std::FILE* out) : json_(json), out_(out) {}

  // Nothing can be proven at all.
  runtime::Result<void> refuse(const runtime::Error& error) const;
  // Whether the next diagnosis is said in full.
  bool has_room() const { return said_ < kDiagnosesMax; }
  void say(const Diagnosis& diagnosis);
  // The error is of whatever was said, and could not be written.
  runtime::Result<void> finish(const Outcome& outcome, const Survey& survey,
                               std::string_view directory) const;

 private:
  std::string text_of(const Outcome& outcome, const Survey& survey,
                      std::string_view directory) const;
  std::string json_of(const Outcome& outcome, const Survey& survey,
                      std::string_view directory) const;

  const bool json_;
  std::FILE* const out_;
  std::uint64_t said_ = 0;
  std::string diagnoses_;  // of JSON
};

}  // namespace server::verify
