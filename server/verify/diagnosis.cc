#include "server/verify/diagnosis.h"

#include <algorithm>
#include <array>
#include <span>

#include "runtime/file.h"
#include "runtime/format.h"
#include "server/verify/compressed.h"
#include "server/verify/hex_dump.h"
#include "server/wal/fault.h"
#include "server/wal/names.h"

namespace server::verify {

using runtime::format;
using wal::FaultKind;
using wal::Finding;
using wal::Lsn;
using wal::SegmentNo;
using wal::TimelineId;
using Weight = Diagnosis::Weight;

namespace {

// So much is shown before and behind a bad position, in whole lines of 16 bytes.
constexpr std::uint64_t kBytesBefore = 16;
constexpr std::size_t kBytesShown = 96;

std::string_view kind_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kUnreadable:
      return "unreadable";
    case FaultKind::kShortFile:
      return "short_file";
    case FaultKind::kSystemIdentifier:
      return "system_identifier";
    case FaultKind::kSegmentSize:
      return "segment_size";
    case FaultKind::kPageAddress:
      return "page_address";
    case FaultKind::kTimelineUnexpected:
    case FaultKind::kTimelineOrder:
      return "timeline";
    case FaultKind::kPrevLink:
      return "prev_link";
    case FaultKind::kChecksum:
      return "checksum";
    case FaultKind::kMagic:
    case FaultKind::kInfoBits:
    case FaultKind::kPageSize:
      return "page_header";
    case FaultKind::kContrecordFlag:
    case FaultKind::kContrecordLength:
    case FaultKind::kContrecordRequested:
    case FaultKind::kOverwrittenLsn:
      return "continuation";
    default:
      return "record_header";
  }
}

// One trouble on its way into words.
//   Owner: diagnose().  Thread: its.  Borrows: what diagnose() was given.
class Doctor {
 public:
  Doctor(const Trouble& trouble, const Survey& survey, const wal::Directory* directory)
      : trouble_(trouble), survey_(survey), directory_(directory) {}

  Diagnosis run();

 private:
  void name_file();
  void say_bytes();
  void say_size();
  void say_gap();
  void say_timeline();
  std::string fetch() const;
  std::string repair_of_bytes() const;
  std::string repair_of_page_address() const;
  std::string beside() const;
  std::string bytes_around() const;
  std::string segment(TimelineId timeline, SegmentNo no) const {
    return segment_name(timeline, no, survey_.identity.segment_size);
  }

  static constexpr std::string_view kFrom = " from the primary or from another archive.";

  const Trouble& trouble_;
  const Survey& survey_;
  const wal::Directory* const directory_;
  SegmentKey key_{};
  std::string segment_;
  Diagnosis diagnosis_;
};

Diagnosis Doctor::run() {
  name_file();
  diagnosis_.lsn = trouble_.lsn;
  diagnosis_.good_from = trouble_.good_from;
  diagnosis_.timeline = key_.first;
  diagnosis_.weight = is_note(trouble_.kind) ? Weight::kNote : Weight::kFault;
  switch (trouble_.kind) {
    case TroubleKind::kBytes:
      say_bytes();
      break;
    case TroubleKind::kGap:
      say_gap();
      break;
    case TroubleKind::kUnreadable:
      diagnosis_.weight = Weight::kNotRead;
      diagnosis_.kind = "unreadable";
      diagnosis_.what = trouble_.why;
      diagnosis_.repair = "Let this user read the file. " + fetch();
      break;
    case TroubleKind::kWrongSize:
      say_size();
      break;
    case TroubleKind::kPadding:
      diagnosis_.kind = "padding";
      diagnosis_.what = "the bytes behind a switch of segments are not zero";
      break;
    case TroubleKind::kOddity:
      diagnosis_.kind = "unused_bytes";
      diagnosis_.what = "bytes of the page header that mean nothing are not zero";
      break;
    default:
      say_timeline();
      break;
  }
  if (is_note(trouble_.kind)) {
    diagnosis_.repair = "No server reads these bytes. If the copy shall be the same: " + fetch();
  }
  if (directory_ != nullptr && trouble_.kind != TroubleKind::kGap) {
    diagnosis_.bytes = bytes_around();
  }
  return std::move(diagnosis_);
}

// A record that lies across segments is found wrong in the later one.
void Doctor::name_file() {
  const SegmentNo no = survey_.identity.segment_size.segment_of(trouble_.lsn);
  key_ = {trouble_.file.timeline(), trouble_.file.no};
  if (no != trouble_.file.no) key_ = {survey_.holder(key_.first, no), no};
  segment_ = segment(key_.first, key_.second);
  const bool same = key_.second == trouble_.file.no;
  diagnosis_.file =
      same && trouble_.kind != TroubleKind::kGap ? file_name(trouble_.file.name) : segment_;
}

void Doctor::say_bytes() {
  diagnosis_.kind = kind_of(trouble_.finding.kind);
  diagnosis_.what = describe(trouble_.finding, survey_.identity, diagnosis_.file).what;
  if (is_end_of_wal(trouble_.finding)) {
    diagnosis_.what = format("WAL ends too early, since more comes behind it: {}", diagnosis_.what);
  }
  diagnosis_.repair = repair_of_bytes() + beside();
}

// A wrong checksum is of a whole record, and each segment that has a part of it may be the one:
// from that in which it begins to that in which it was found wrong.
std::string Doctor::fetch() const {
  const bool is_of_record =
      trouble_.kind == TroubleKind::kBytes && trouble_.finding.kind == FaultKind::kChecksum;
  const SegmentNo last = is_of_record ? trouble_.file.no : key_.second;
  if (last <= key_.second) return format("Fetch segment {} again{}", segment_, kFrom);
  return format("Fetch segments {} to {} again{}", segment_,
                segment(survey_.holder(trouble_.file.timeline(), last), last), kFrom);
}

// xlogarchive.c, RestoreArchivedFile.
void Doctor::say_size() {
  diagnosis_.kind = "wrong_size";
  diagnosis_.what = format("archive file \"{}\" has wrong size: {} instead of {}", segment_,
                           trouble_.file.bytes, survey_.identity.segment_size.bytes());
  diagnosis_.repair =
      trouble_.file.bytes < survey_.identity.segment_size.bytes()
          ? format("The file was cut off, as a copy is that does not end. {}", fetch())
          : fetch();
}

std::string Doctor::repair_of_bytes() const {
  const bool is_first_page = survey_.identity.segment_size.offset(trouble_.lsn) == 0;
  if (trouble_.finding.kind == FaultKind::kMagic && is_first_page) {
    const auto by = compression_of(trouble_.finding.found);
    if (!by.empty()) {
      return format(
          "The file is compressed, by {}, under a segment's name, and no server restores"
          " it so: unpack it, and verify it then.",
          by);
    }
  }
  switch (trouble_.finding.kind) {
    case FaultKind::kSystemIdentifier:
      return format("The file is of another system: move it away. {}", fetch());
    case FaultKind::kSegmentSize:
    case FaultKind::kPageSize:
      return format("The file is of a cluster of another layout: move it away. {}", fetch());
    case FaultKind::kPageAddress:
      return repair_of_page_address();
    case FaultKind::kShortFile:
      return format("The file was cut off, as a copy is that does not end. {}", fetch());
    default:
      break;
  }
  if (trouble_.at_end) {
    return format(
        "If a crash cut the WAL off here, this is harmless: a server that starts here writes over "
        "it. If not: {}",
        fetch());
  }
  if (!is_end_of_wal(trouble_.finding)) return fetch();
  return format(
      "The bytes were never written, or are lost. If a crash cut the WAL off here and no server "
      "has "
      "started since, this is harmless. If not: {}",
      fetch());
}

std::string Doctor::repair_of_page_address() const {
  const wal::SegmentSize size = survey_.identity.segment_size;
  const Lsn address(trouble_.finding.found);
  if (size.segment_of(address) == key_.second) return fetch();
  const std::string other = segment(key_.first, size.segment_of(address));
  if (address > trouble_.lsn) {
    return format("The file has pages of the later segment {}: it is under a wrong name. {}", other,
                  fetch());
  }
  return format(
      "The file has pages of the older segment {}, as a recycled one has, or one under a wrong "
      "name. {}",
      other, fetch());
}

std::string Doctor::beside() const {
  if (!survey_.partials_beside.contains(key_)) return {};
  return format(" File {}{} is beside it, and may have these bytes.", segment_,
                wal::kPartialSuffix);
}

void Doctor::say_gap() {
  diagnosis_.kind = "gap";
  std::size_t compressed = 0;
  SegmentNo last = trouble_.file.no;
  for (std::size_t i = 0; i < trouble_.segments; ++i) {
    last = SegmentNo{value(trouble_.file.no) + i};
    compressed += survey_.compressed.count({survey_.holder(key_.first, last), last});
  }
  const std::string missing =
      trouble_.segments == 1 ? format("WAL segment {} is", segment_)
                             : format("{} WAL segments, {} to {}, are", trouble_.segments, segment_,
                                      segment(survey_.holder(key_.first, last), last));
  if (compressed == trouble_.segments) {
    diagnosis_.weight = Weight::kNotRead;
    diagnosis_.kind = "compressed";
    diagnosis_.what = format("{} compressed, and not read", missing);
    diagnosis_.repair = "Compressed segments are not read: unpack them, and verify them then.";
    return;
  }
  diagnosis_.what = format("{} missing", missing);
  diagnosis_.repair =
      format("{}{} Without it no server recovers beyond {}.",
             trouble_.segments == 1 ? "Fetch it" : "Fetch them", kFrom, diagnosis_.lsn);
}

void Doctor::say_timeline() {
  const TimelineId timeline = trouble_.file.timeline();
  const std::string history = wal::history_name(timeline);
  diagnosis_.kind = "timeline";
  diagnosis_.repair =
      format("The WAL and file {} do not tell of the same: take both from one archive.", history);
  const wal::TimelineHistory* known = survey_.history_of(timeline);
  const Lsn fork = known == nullptr ? Lsn() : known->begin(timeline);
  switch (trouble_.kind) {
    case TroubleKind::kTimelinePage:
      diagnosis_.what = format("page of timeline {}, where the history says {}",
                               trouble_.finding.found, trouble_.finding.expected);
      break;
    case TroubleKind::kTimelineFile:
      diagnosis_.what =
          format("file of timeline {}, which begins no earlier than at {}", value(timeline), fork);
      break;
    case TroubleKind::kAcrossFork:
      diagnosis_.what = format("record across {}, where timeline {} begins", fork, value(timeline));
      break;
    case TroubleKind::kHistory:
      diagnosis_.file = history;
      diagnosis_.what = format("history file \"{}\" is of no use: {}", history,
                               survey_.bad_histories.at(timeline));
      diagnosis_.repair = format("Fetch {} again{}", history, kFrom);
      break;
    case TroubleKind::kBeginsLate:
      diagnosis_.kind = "gap";
      diagnosis_.what = format("WAL begins only at {}", trouble_.lsn);
      diagnosis_.repair = format("Fetch the segments before {}{}", segment_, kFrom);
      break;
    default:
      diagnosis_.kind = "gap";
      diagnosis_.what = format("WAL ends at {} already", trouble_.lsn);
      diagnosis_.repair = format("Fetch the segments from {} on{}", segment_, kFrom);
      break;
  }
}

std::string Doctor::bytes_around() const {
  const bool is_partial =
      key_.second == trouble_.file.no && trouble_.file.name.kind == wal::FileName::Kind::kPartial;
  const std::string path = directory_->path() + "/" + segment_ +
                           (is_partial ? std::string(wal::kPartialSuffix) : std::string());
  const auto file = runtime::open_for_reading(path);
  if (!file) return {};
  const wal::SegmentSize size = survey_.identity.segment_size;
  const std::uint32_t before = std::min<std::uint32_t>(size.offset(trouble_.lsn), kBytesBefore);
  const Lsn begin((trouble_.lsn.value() - before) & ~std::uint64_t{15});
  std::array<std::byte, kBytesShown> bytes;
  const auto got = runtime::read_at(*file, path, size.offset(begin), bytes);
  if (!got) return {};
  return hex_dump(std::span(bytes).first(*got), begin, trouble_.lsn);
}

}  // namespace

Diagnosis diagnose(const Trouble& trouble, const Survey& survey, const wal::Directory* directory) {
  return Doctor(trouble, survey, directory).run();
}

}  // namespace server::verify
