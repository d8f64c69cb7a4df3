#include "server/verify/report.h"

#include <algorithm>
#include <array>

#include "runtime/format.h"
#include "runtime/json.h"
#include "runtime/print.h"
#include "server/wal/fault.h"
#include "server/wal/format.h"
#include "server/wal/names.h"

namespace server::verify {

using runtime::format;
using runtime::json_string;
using wal::Lsn;
using Weight = Diagnosis::Weight;

namespace {

constexpr std::size_t kForeignShown = 10;

std::string_view name_of(Weight weight) {
  switch (weight) {
    case Weight::kFault:
      return "fault";
    case Weight::kNotRead:
      return "not_read";
    case Weight::kNote:
      return "note";
  }
  return {};
}

std::string json_lsn(Lsn lsn) { return lsn.valid() ? json_string(to_string(lsn)) : "null"; }

// The lines of a text, as strings of an array.
std::string json_lines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines += (lines.empty() ? "" : ", ") + json_string(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return "[" + lines + "]";
}

std::string json_of(const Diagnosis& d) {
  return format(
      "{{\"weight\": \"{}\", \"kind\": \"{}\", \"timeline\": {}, \"lsn\": {}, \"good_from\": {}, "
      "\"file\": {}, \"what\": {}, \"repair\": {}, \"bytes\": {}}}",
      name_of(d.weight), d.kind, value(d.timeline), json_lsn(d.lsn), json_lsn(d.good_from),
      json_string(d.file), json_string(d.what), json_string(d.repair), json_lines(d.bytes));
}

std::string text_of(const Diagnosis& d) {
  const std::string_view label = d.weight == Weight::kFault     ? "FAULT"
                                 : d.weight == Weight::kNotRead ? "NOT READ"
                                                                : "NOTE";
  std::string text = format("{}: {} in {}: {}\n", label, d.lsn, d.file, d.what);
  if (d.good_from.valid()) text += format("    good again from {}\n", d.good_from);
  std::string_view bytes = d.bytes;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    text += format("    {}\n", bytes.substr(0, end));
    bytes = end == bytes.npos ? std::string_view() : bytes.substr(end + 1);
  }
  return text + format("    repair: {}\n", d.repair);
}

// Why a timeline's WAL goes no further than its end.
std::string reason_of(const TimelineEnd& end, const Survey& survey) {
  if (end.unfinished.valid()) return format("the record at {} is not whole", end.unfinished);
  if (!is_fault(end.why)) return "its last segment is full";
  const wal::SegmentSize size = survey.identity.segment_size;
  const auto no = size.segment_of(end.why.lsn);
  return describe(end.why, survey.identity, segment_name(end.timeline, no, size)).what;
}

std::string bytes_text(double bytes) {
  constexpr std::array<std::pair<double, const char*>, 3> kUnits{
      {{0x1p40, "TB"}, {0x1p30, "GB"}, {0x1p20, "MB"}}};
  for (const auto& [factor, name] : kUnits) {
    if (bytes >= factor) return format("{:.1f} {}", bytes / factor, name);
  }
  return format("{:.0f} kB", bytes / 1024);
}

}  // namespace

runtime::Result<void> Report::refuse(const runtime::Error& error) const {
  if (json_) {
    return runtime::print(out_, format("{{\"status\": {}, \"error\": {}, \"detail\": {}}}\n",
                                       static_cast<int>(Outcome::Verdict::kNotRead),
                                       json_string(error.what), json_string(error.detail)));
  }
  const std::string detail = error.detail.empty() ? "" : format("    {}\n", error.detail);
  return runtime::print(out_, format("ERROR: {}\n{}", error.what, detail));
}

void Report::say(const Diagnosis& diagnosis) {
  if (++said_ > kDiagnosesMax) return;
  if (json_) {
    diagnoses_ += (diagnoses_.empty() ? "" : ",\n  ") + verify::json_of(diagnosis);
    return;
  }
  // finish() tells of a stream that takes no more.
  static_cast<void>(runtime::print(out_, verify::text_of(diagnosis)));
}

runtime::Result<void> Report::finish(const Outcome& outcome, const Survey& survey,
                                     std::string_view directory) const {
  return runtime::print(
      out_, json_ ? json_of(outcome, survey, directory) : text_of(outcome, survey, directory));
}

std::string Report::text_of(const Outcome& outcome, const Survey& survey,
                            std::string_view directory) const {
  const wal::Identity& identity = survey.identity;
  std::string text;
  if (said_ > kDiagnosesMax) text += format("and {} more\n", said_ - kDiagnosesMax);
  for (const auto timeline : survey.missing_histories) {
    text += format("NOTE: no file {}: what timeline {} began with is not known\n",
                   wal::history_name(timeline), value(timeline));
  }
  for (const auto& [timeline, entry] : survey.compressed_histories) {
    text += format("NOT READ: {}, which is compressed: what timeline {} began with is not known\n",
                   entry, value(timeline));
  }
  if (!survey.compressed.empty()) {
    text += format("NOT READ: {} compressed segments, the first is {}\n", survey.compressed.size(),
                   survey.compressed.begin()->second);
  }
  if (!survey.compressed_copies.empty()) {
    text += format("NOTE: {} compressed copies of other files were not read, the first is {}\n",
                   survey.compressed_copies.size(), survey.compressed_copies.front());
  }
  if (!survey.foreign.empty()) {
    text += format("NOTE: {} files are no WAL, the first is {}\n", survey.foreign.size(),
                   survey.foreign.front());
  }
  text += format("directory \"{}\": system {}, PostgreSQL {}, segments of {} MB\n", directory,
                 identity.system_identifier, wal::major_version(identity.page_magic).value_or(0),
                 identity.segment_size.bytes() >> 20);
  for (const TimelineEnd& end : outcome.ends) {
    text += format("timeline {}: {} to {}; {}\n", value(end.timeline), end.begin, end.end,
                   reason_of(end, survey));
  }
  const auto bytes = static_cast<double>(outcome.bytes);
  text += format("{} records in {} segments, {} in {:.2f} s, {}/s\n", outcome.records,
                 outcome.segments, bytes_text(bytes), outcome.seconds,
                 bytes_text(bytes / std::max(outcome.seconds, 1e-9)));
  if (outcome.verdict() == Outcome::Verdict::kGood) return text + "all good\n";
  text += format("{} faults, {} not read", outcome.faults, outcome.not_read);
  if (outcome.first_bad.valid())
    text += format("; the first bad position is {}", outcome.first_bad);
  return text + "\n";
}

std::string Report::json_of(const Outcome& outcome, const Survey& survey,
                            std::string_view directory) const {
  const wal::Identity& identity = survey.identity;
  std::string ends;
  for (const TimelineEnd& end : outcome.ends) {
    ends += format("{}{{\"timeline\": {}, \"begin\": {}, \"end\": {}, \"reason\": {}}}",
                   ends.empty() ? "" : ", ", value(end.timeline), json_lsn(end.begin),
                   json_lsn(end.end), json_string(reason_of(end, survey)));
  }
  std::string foreign;
  for (std::size_t i = 0; i < std::min(survey.foreign.size(), kForeignShown); ++i) {
    foreign += (i == 0 ? "" : ", ") + json_string(survey.foreign[i]);
  }
  return format(
      "{{\"status\": {}, \"directory\": {}, \"system_identifier\": \"{}\", \"version\": {}, "
      "\"segment_bytes\": {}, \"segments\": {}, \"records\": {}, \"bytes\": {}, "
      "\"seconds\": {:.3f}, \"faults\": {}, \"not_read\": {}, \"notes\": {}, "
      "\"compressed_segments\": {}, \"compressed_histories\": {}, \"compressed_copies\": {}, "
      "\"foreign_files\": {}, \"foreign\": [{}], "
      "\"first_bad_lsn\": {},\n \"timelines\": [{}],\n \"found\": [{}]}}\n",
      static_cast<int>(outcome.verdict()), json_string(directory), identity.system_identifier,
      wal::major_version(identity.page_magic).value_or(0), identity.segment_size.bytes(),
      outcome.segments, outcome.records, outcome.bytes, outcome.seconds, outcome.faults,
      outcome.not_read, outcome.notes, survey.compressed.size(), survey.compressed_histories.size(),
      survey.compressed_copies.size(), survey.foreign.size(), foreign, json_lsn(outcome.first_bad),
      ends, diagnoses_);
}

}  // namespace server::verify
