#include "server/verify/prover.h"

#include <algorithm>
#include <utility>

#include "server/verify/head.h"
#include "server/verify/piece_pages.h"
#include "server/wal/format.h"
#include "server/wal/record_reader.h"

namespace server::verify {

using wal::FaultKind;
using wal::Finding;
using wal::kPageBytes;
using wal::Lsn;
using wal::Outcome;

namespace {

// One walk through a piece.
//   Owner: prove().  Thread: its.  Borrows: the options.
//   Invariant: what lies before reader_.position() was proven, or is in damages.
class Prover {
 public:
  Prover(const ProverOptions& options, const Piece& piece)
      : options_(options),
        piece_(piece),
        pages_(options.identity, piece, options.history),
        reader_(pages_, options.identity) {
    if (options.history != nullptr) fork_ = options.history->begin(piece.file.timeline());
  }

  PieceProof run();

 private:
  void begin(const Head& head);
  void begin_behind(const Finding& finding, Lsn page);
  void walk();
  bool take_record();
  bool reaches_on() const;
  bool recover();
  bool goes_on_behind_checksum();
  bool resume_from(Lsn page);
  void stop(const Finding& finding);
  Lsn padding_begin(Lsn record) const;
  bool is_blank(Lsn from) { return !pages_.find_not_zero(from).has_value(); }

  const ProverOptions& options_;
  const Piece& piece_;
  PiecePages pages_;
  wal::RecordReader reader_;
  Lsn fork_;
  bool overwrites_ = false;
  bool has_record_ = false;  // reader_ has read one that was not taken yet
  PieceProof proof_;
};

PieceProof Prover::run() {
  proof_.position = piece_.begin;
  auto opened = pages_.open(options_.directory.path_of(piece_.file.name));
  if (!opened) {
    proof_.problem = std::move(opened).error();
    return std::move(proof_);
  }
  begin(read_head(pages_, options_.identity, piece_));
  proof_.problem = pages_.problem();
  proof_.oddities = pages_.oddities();
  proof_.wrong_timelines = pages_.wrong_timelines();
  proof_.first_page_timeline = pages_.first_page_timeline();
  proof_.last_page_timeline = pages_.last_page_timeline();
  return std::move(proof_);
}

void Prover::begin(const Head& head) {
  if (is_fault(head.finding)) {
    if (is_end_of_wal(head.finding)) {
      const auto found = pages_.find_not_zero(piece_.begin);
      proof_.padding_not_zero = found;
      if (!found) return stop(head.finding);
      return begin_behind(head.finding, std::max(found->page_start(), piece_.begin + kPageBytes));
    }
    return begin_behind(head.finding, piece_.begin + kPageBytes);
  }
  proof_.has_wal = true;
  proof_.rest = head.rest;
  overwrites_ = head.overwrites;
  proof_.position = head.position;
  if (head.rest && head.rest->end == RecordRest::End::kGoesOn) {
    proof_.tail = Tail::kPart;
    return;
  }
  if (head.rest && head.rest->end == RecordRest::End::kFault) {
    return begin_behind(head.rest->finding, head.position + kPageBytes);
  }
  reader_.seek(head.position);
  walk();
}

// The piece begins with wrong bytes.
void Prover::begin_behind(const Finding& finding, Lsn page) {
  if (!resume_from(page)) return stop(finding);
  proof_.has_wal = true;
  proof_.damages.push_back({finding, reader_.position()});
  walk();
}

void Prover::stop(const Finding& finding) {
  proof_.tail = Tail::kStopped;
  proof_.stopped = finding;
}

void Prover::walk() {
  while (has_record_ || reader_.position() < piece_.end) {
    const bool has_record = std::exchange(has_record_, false);
    const Outcome outcome = has_record ? Outcome::kRecord : reader_.next(piece_.end);
    if (outcome == Outcome::kRecord) {
      if (!take_record()) break;
      continue;
    }
    proof_.position = reader_.position();
    if (reaches_on()) {
      proof_.tail = Tail::kPart;
      proof_.part = reader_.part();
      return;
    }
    if (!recover()) return;
  }
  // Nothing but a switch reaches further than a piece.
  proof_.tail = reader_.position() > piece_.end ? Tail::kPadding : Tail::kWhole;
  proof_.position = std::min(reader_.position(), piece_.end);
}

// False if nothing follows it in this piece.
bool Prover::take_record() {
  const wal::Record& record = reader_.record();
  if (proof_.records == 0 && proof_.damages.empty()) {
    const auto head = reader_.head();
    proof_.first_record = record.begin;
    proof_.first_previous = Lsn(wal::load_header<wal::RecordHeader>(head).previous);
    constexpr std::uint32_t kNamed =
        wal::kRecordHeaderBytes + 2;  // behind the data's id and length
    if (overwrites_) {
      const bool names = wal::is_overwrite_contrecord(record.rmid, record.info) &&
                         record.total_length == kNamed + sizeof(wal::OverwriteContrecord);
      proof_.overwritten =
          names ? Lsn(wal::load_header<wal::OverwriteContrecord>(head.subspan(kNamed))
                          .overwritten_lsn)
                : Lsn();
    }
  }
  ++proof_.records;
  proof_.last_record = record.begin;
  proof_.position = record.end;
  if (record.begin < fork_ && fork_ < record.end) proof_.across_fork = record.begin;
  if (!wal::is_switch(record.rmid, record.info)) return true;
  proof_.padding_not_zero = pages_.find_not_zero(padding_begin(record.begin));
  return false;
}

// Where a switch that begins there ends: its header is all that it has.
Lsn Prover::padding_begin(Lsn record) const {
  const std::uint32_t room = kPageBytes - record.page_offset();
  if (room >= wal::kRecordHeaderBytes) return record + wal::kRecordHeaderBytes;
  const Lsn page = record + room;
  return page + page_header_bytes(page, options_.identity.segment_size) +
         (wal::kRecordHeaderBytes - room);
}

bool Prover::reaches_on() const {
  const Finding& finding = reader_.finding();
  return finding.kind == FaultKind::kShortFile && finding.lsn >= piece_.end &&
         reader_.part().has_value();
}

// Finds the next record that can be proven behind the one at which the reader has stopped.
bool Prover::recover() {
  const Finding finding = reader_.finding();
  const Lsn from = reader_.position();
  stop(finding);
  if (pages_.problem()) return false;
  bool goes_on = finding.kind == FaultKind::kChecksum && goes_on_behind_checksum();
  if (!goes_on) {
    if (is_end_of_wal(finding) && is_blank(std::max(from, finding.lsn))) return false;
    goes_on = resume_from(std::max(from, finding.lsn).page_start() + kPageBytes);
  }
  if (!goes_on) return false;
  proof_.damages.push_back({finding, has_record_ ? reader_.record().begin : reader_.position()});
  return true;
}

// A header that is right says where the next record begins; that one must name it.
bool Prover::goes_on_behind_checksum() {
  const Lsn bad = reader_.position();
  if (reader_.skip(piece_.end) != Outcome::kRecord) return false;
  if (wal::is_switch(reader_.record().rmid, reader_.record().info)) return false;
  if (reader_.position() < piece_.end) {
    has_record_ = reader_.next(piece_.end) == Outcome::kRecord;
    // One whose header is right names it as well, whatever its own checksum.
    const bool is_named = reader_.finding().kind == FaultKind::kChecksum;
    if (!has_record_ && !reaches_on() && !is_named) return false;
  }
  proof_.last_record = bad;
  return true;
}

bool Prover::resume_from(Lsn page) {
  while (page < piece_.end) {
    if (reader_.seek_first(page) != Outcome::kRecord) {
      const Lsn stopped = reader_.stopped_at().page_start();
      if (stopped < page || pages_.problem()) return false;  // the first page of the segment
      page = stopped + kPageBytes;
      continue;
    }
    const Lsn start = reader_.position();
    if (start >= piece_.end) return false;
    has_record_ = reader_.next(piece_.end) == Outcome::kRecord;
    if (has_record_ || reaches_on()) return true;
    page = start.page_start() + kPageBytes;
  }
  return false;
}

}  // namespace

PieceProof prove(const ProverOptions& options, const Piece& piece) {
  return Prover(options, piece).run();
}

}  // namespace server::verify
