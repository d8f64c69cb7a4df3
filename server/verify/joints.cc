#include "server/verify/joints.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "server/wal/format.h"

namespace server::verify {

using wal::FaultKind;
using wal::Finding;
using wal::kRecordHeaderBytes;
using wal::Lsn;
using wal::SegmentNo;
using wal::TimelineId;

namespace {

// Of a record, and not of one of its pages: then it lies where the record begins, which only the
// joint knows.
bool is_of_record(const Finding& finding) {
  return finding.kind == FaultKind::kContrecordFlag || finding.kind == FaultKind::kContrecordLength;
}

Finding of_record(Finding finding, Lsn record) {
  if (is_of_record(finding)) finding.lsn = record;
  return finding;
}

}  // namespace

void Joints::take(const Piece& piece, const PieceProof& proof) {
  Line& line = lines_[piece.file.timeline()];
  Joint joint = enter(piece, line);
  records_ += proof.records;
  if (proof.problem) {
    if (!std::exchange(line.is_unreadable, true)) {
      sink_.on_trouble({.kind = TroubleKind::kUnreadable,
                        .file = piece.file,
                        .lsn = proof.position,
                        .why = proof.problem->what});
    }
    joint.state = State::kUnknown;
  } else {
    proof.has_wal ? take_wal(piece, proof, line, joint) : take_no_wal(piece, proof, line, joint);
  }
  line.last = std::move(joint);
}

// The joint before the piece: that of the piece before it in its file, or of the file before.
Joints::Joint Joints::enter(const Piece& piece, Line& line) {
  const bool is_first = !line.has_file || line.last.file.no != piece.file.no;
  if (!is_first) return line.last;
  if (line.has_file) line.before = line.last;
  const bool had_file = std::exchange(line.has_file, true);
  if (!had_file) line.begin = line.end = piece.begin;
  line.has_wal = line.is_unreadable = false;
  Joint joint;
  const Joint* before = nearest_before(piece.file);
  if (before != nullptr && next(before->file.no) == piece.file.no) joint = *before;
  joint.file = piece.file;
  // A segment that is not full ends in nothing; one in which nothing comes any more ends well.
  if (joint.state == State::kPadding) joint.state = State::kClean;
  return joint;
}

// The last joint that WAL of this file goes on from, of whatever timeline.
const Joints::Joint* Joints::nearest_before(const WalFile& file) const {
  const Joint* nearest = nullptr;
  const auto look_at = [&](TimelineId timeline) {
    const auto line = lines_.find(timeline);
    if (line == lines_.end() || !line->second.has_file) return;
    for (const Joint* joint : {&line->second.last, &line->second.before}) {
      if (value(joint->file.timeline()) == 0 || joint->file.no >= file.no) continue;
      if (survey_.holder(file.timeline(), joint->file.no) != timeline) continue;
      if (nearest == nullptr || nearest->file.no < joint->file.no) nearest = joint;
    }
  };
  for (const auto& [timeline, line] : lines_) look_at(timeline);
  return nearest;
}

// WAL has come behind what looked like its end.
void Joints::tell_waiting(TimelineId timeline, SegmentNo before) {
  auto& waiting = lines_[timeline].waiting;
  for (const Trouble& trouble : waiting) {
    if (trouble.file.no < before) sink_.on_trouble(trouble);
  }
  std::erase_if(waiting, [before](const Trouble& trouble) { return trouble.file.no < before; });
}

// What is missing between this file and the nearest before it, if there is one.
void Joints::tell_gap(const WalFile& file) {
  const Joint* before = nearest_before(file);
  if (before == nullptr) return;
  const SegmentNo first = next(before->file.no);
  if (first == file.no) return;
  const wal::SegmentSize size = survey_.identity.segment_size;
  WalFile missing{.name = file.name, .no = first};
  missing.name.timeline = survey_.holder(file.timeline(), first);
  sink_.on_trouble({.kind = TroubleKind::kGap,
                    .file = missing,
                    .lsn = size.start(first),
                    .good_from = size.start(file.no),
                    .segments = value(file.no) - value(first)});
}

void Joints::take_no_wal(const Piece& piece, const PieceProof& proof, Line& line, Joint& joint) {
  const Lsn segment_end = survey_.identity.segment_size.end(piece.file.no);
  if (joint.state == State::kPadding) {
    if (proof.padding_not_zero) {
      sink_.on_trouble(
          {.kind = TroubleKind::kPadding, .file = piece.file, .lsn = *proof.padding_not_zero});
    }
    line.end = piece.end;
    if (piece.end == segment_end) joint.state = State::kClean;
    return;
  }
  // Behind the end of WAL in one file anything may lie.
  const Lsn segment_begin = survey_.identity.segment_size.start(piece.file.no);
  const bool is_behind_end =
      joint.state == State::kStopped && (line.has_wal || piece.begin != segment_begin);
  if (!is_behind_end) {
    wait(line, {.file = piece.file, .lsn = proof.stopped.lsn, .finding = proof.stopped});
  }
  joint.state = State::kStopped;
}

void Joints::take_wal(const Piece& piece, const PieceProof& proof, Line& line, Joint& joint) {
  if (joint.state == State::kPadding) {
    sink_.on_trouble({.kind = TroubleKind::kPadding, .file = piece.file, .lsn = piece.begin});
    if (piece.end == survey_.identity.segment_size.end(piece.file.no)) joint.state = State::kClean;
    return;
  }
  enter_wal(piece.file, line);
  if (proof.first_page_timeline != 0 && proof.first_page_timeline < joint.page_timeline) {
    tell(piece,
         {FaultKind::kTimelineOrder, piece.begin, proof.first_page_timeline, joint.page_timeline},
         piece.begin);
  }
  joint.page_timeline = std::max(joint.page_timeline, proof.last_page_timeline);
  join(piece, proof, joint);
  tell_marks(piece, proof);
  take_tail(piece, proof, line, joint);
}

// The file has WAL, so what is before it, and what is missing before it, is no end of WAL.
void Joints::enter_wal(const WalFile& file, Line& line) {
  if (std::exchange(line.has_wal, true)) return tell_waiting(file.timeline(), next(file.no));
  const TimelineId before = survey_.holder(file.timeline(), previous(file.no));
  if (before != file.timeline() && lines_.contains(before)) tell_waiting(before, file.no);
  tell_waiting(file.timeline(), next(file.no));
  tell_gap(file);
  if (survey_.holder(file.timeline(), file.no) == file.timeline()) return;
  sink_.on_trouble({.kind = TroubleKind::kTimelineFile,
                    .file = file,
                    .lsn = survey_.identity.segment_size.start(file.no)});
}

void Joints::tell_marks(const Piece& piece, const PieceProof& proof) {
  const bool rest_is_first = proof.rest && proof.rest->end == RecordRest::End::kFault;
  for (std::size_t i = rest_is_first ? 1 : 0; i < proof.damages.size(); ++i) {
    tell(piece, proof.damages[i].finding, proof.damages[i].good_from);
  }
  for (const Finding& finding : proof.wrong_timelines) {
    sink_.on_trouble({.kind = TroubleKind::kTimelinePage,
                      .file = piece.file,
                      .lsn = finding.lsn,
                      .good_from = finding.lsn + wal::kPageBytes,
                      .finding = finding});
  }
  for (const Finding& finding : proof.oddities) {
    sink_.on_trouble({.kind = TroubleKind::kOddity, .file = piece.file, .lsn = finding.lsn});
  }
  if (proof.padding_not_zero && proof.records != 0 && proof.tail != Tail::kStopped) {
    sink_.on_trouble(
        {.kind = TroubleKind::kPadding, .file = piece.file, .lsn = *proof.padding_not_zero});
  }
  if (proof.across_fork.valid()) {
    sink_.on_trouble(
        {.kind = TroubleKind::kAcrossFork, .file = piece.file, .lsn = proof.across_fork});
  }
}

void Joints::take_tail(const Piece& piece, const PieceProof& proof, Line& line, Joint& joint) {
  const bool fills = proof.rest && proof.rest->end == RecordRest::End::kGoesOn;
  const bool of_rest = proof.records == 0 && proof.damages.empty() && proof.rest &&
                       proof.rest->end == RecordRest::End::kFault;
  if (!fills && !of_rest) line.end = proof.position;
  if (proof.last_record.valid()) joint.last_record = proof.last_record;
  switch (proof.tail) {
    case Tail::kWhole:
      joint.state = joint.state == State::kPadding ? State::kPadding : State::kClean;
      break;
    case Tail::kPadding:
      joint.state = State::kPadding;
      break;
    case Tail::kPart:
      if (fills) break;  // join() has said what is known
      joint.state = State::kPart;
      joint.part = proof.part;
      break;
    case Tail::kStopped:
      if (joint.state == State::kPadding) {  // a switch lay across the pieces
        line.end = piece.end;
        break;
      }
      if (!of_rest) {
        wait(line, {.file = piece.file, .lsn = proof.stopped.lsn, .finding = proof.stopped});
      }
      joint.state = State::kStopped;
      break;
  }
  const Lsn segment_end = survey_.identity.segment_size.end(piece.file.no);
  if (joint.state == State::kPadding && piece.end == segment_end) joint.state = State::kClean;
}

void Joints::join(const Piece& piece, const PieceProof& proof, Joint& joint) {
  const bool wrong_rest = proof.rest && proof.rest->end == RecordRest::End::kFault;
  switch (joint.state) {
    case State::kPart:
      return join_part(piece, proof, joint);
    case State::kClean:
      if (proof.rest) {
        const Lsn first =
            piece.begin + page_header_bytes(piece.begin, survey_.identity.segment_size);
        tell(piece, {FaultKind::kContrecordRequested, first}, proof.first_record);
      } else {
        check_link(piece, proof, joint.last_record);
      }
      break;
    default:
      break;
  }
  joint.state = State::kStopped;
  // The begin of the record is not known, so only its pages can be wrong.
  if (!wrong_rest || is_of_record(proof.rest->finding)) return;
  const Lsn good_from = proof.damages.empty() ? Lsn() : proof.damages[0].good_from;
  if (good_from.valid() || !is_end_of_wal(proof.rest->finding)) {
    return tell(piece, proof.rest->finding, good_from);
  }
  wait(lines_[piece.file.timeline()],
       {.file = piece.file, .lsn = proof.rest->finding.lsn, .finding = proof.rest->finding});
}

// A record reaches into the piece.
void Joints::join_part(const Piece& piece, const PieceProof& proof, Joint& joint) {
  const Lsn begin = joint.part->begin;
  joint.state = State::kStopped;
  if (!proof.rest) {
    if (proof.overwritten) return join_void(piece, proof, joint);
    return tell(piece, {FaultKind::kContrecordFlag, begin}, proof.first_record);
  }
  const RecordRest& rest = *proof.rest;
  const std::uint32_t missing = joint.part->header.total_length - joint.part->got;
  if (rest.declared != missing) {
    return tell(piece, {FaultKind::kContrecordLength, begin, rest.declared, missing},
                proof.first_record);
  }
  switch (rest.end) {
    case RecordRest::End::kVoid:
      return join_void(piece, proof, joint);
    case RecordRest::End::kFault: {
      const Finding finding = of_record(rest.finding, begin);
      if (!proof.damages.empty()) return tell(piece, finding, proof.damages[0].good_from);
      return wait(lines_[piece.file.timeline()],
                  {.file = piece.file, .lsn = finding.lsn, .finding = finding});
    }
    case RecordRest::End::kGoesOn:
      extend(piece, rest, joint);
      return;
    case RecordRest::End::kComplete:
      extend(piece, rest, joint);
      if (joint.state == State::kPart) complete(piece, proof, joint);
      return;
  }
}

// A crash has cut the record off, and the first of the piece's own must name it.
void Joints::join_void(const Piece& piece, const PieceProof& proof, const Joint& joint) {
  const Lsn named = proof.overwritten.value_or(Lsn());
  if (named == joint.part->begin) return check_link(piece, proof, joint.last_record);
  tell(piece, {FaultKind::kOverwrittenLsn, joint.part->begin, named.value()}, proof.first_record);
}

// Adds what the piece has of the record. The state is kPart again unless its header is wrong.
void Joints::extend(const Piece& piece, const RecordRest& rest, Joint& joint) {
  wal::RecordReader::Part& part = *joint.part;
  const std::size_t head = std::min<std::size_t>(rest.got, RecordRest::kHeadBytes);
  const bool had_header = part.got >= kRecordHeaderBytes;
  const std::size_t of_header =
      had_header ? 0 : std::min<std::size_t>(head, kRecordHeaderBytes - part.got);
  if (!had_header) {
    std::memcpy(reinterpret_cast<std::byte*>(&part.header) + part.got, rest.head.data(), of_header);
  }
  part.crc.update(std::span(rest.head).first(head).subspan(of_header));
  part.crc.append(rest.crc, rest.got - head);
  part.got += rest.got;
  joint.state = State::kPart;
  if (had_header || part.got < kRecordHeaderBytes) return;

  const int major = wal::major_version(survey_.identity.page_magic).value_or(0);
  const Lsn previous(part.header.previous);
  const bool linked =
      joint.last_record.valid() ? previous == joint.last_record : previous < part.begin;
  if (linked && wal::is_rmgr(part.header.rmid, major)) return;
  joint.state = State::kStopped;
  tell(piece,
       linked ? Finding{FaultKind::kRmgr, part.begin, part.header.rmid}
              : Finding{FaultKind::kPrevLink, part.begin, part.header.previous},
       Lsn());
}

// All of the record is there.
void Joints::complete(const Piece& piece, const PieceProof& proof, Joint& joint) {
  wal::RecordReader::Part part = *std::exchange(joint.part, std::nullopt);
  ++records_;
  part.crc.update(std::as_bytes(std::span(&part.header, 1)).first(wal::kRecordCrcOffset));
  const bool right = part.crc.value() == part.header.crc;
  if (!right) tell(piece, {FaultKind::kChecksum, part.begin}, proof.first_record);
  check_link(piece, proof, part.begin);
  joint.last_record = part.begin;
  joint.state = State::kStopped;
  if (right && wal::is_switch(part.header.rmid, part.header.info) && proof.records == 0) {
    joint.state = State::kPadding;
  }
}

void Joints::check_link(const Piece& piece, const PieceProof& proof, Lsn previous) {
  if (!proof.first_record.valid() || !previous.valid() || proof.first_previous == previous) return;
  tell(piece, {FaultKind::kPrevLink, proof.first_record, proof.first_previous.value()},
       proof.first_record);
}

void Joints::tell(const Piece& piece, const Finding& finding, Lsn good_from) {
  sink_.on_trouble(
      {.file = piece.file, .lsn = finding.lsn, .good_from = good_from, .finding = finding});
}

std::vector<TimelineEnd> Joints::finish() {
  std::vector<TimelineEnd> ends;
  for (auto& [timeline, line] : lines_) {
    TimelineEnd end{
        .timeline = timeline, .begin = line.begin, .end = line.end, .why = {}, .unfinished = {}};
    if (line.last.state == State::kPart) end.unfinished = line.last.part->begin;
    for (Trouble& trouble : line.waiting) {
      if (!is_fault(end.why)) end.why = trouble.finding;
      if (is_end_of_wal(trouble.finding)) continue;
      trouble.at_end = true;
      sink_.on_trouble(trouble);
    }
    ends.push_back(end);
  }
  return ends;
}

}  // namespace server::verify
