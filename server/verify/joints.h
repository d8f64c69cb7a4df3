#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "server/verify/piece.h"
#include "server/verify/survey.h"
#include "server/verify/trouble.h"
#include "server/wal/lsn.h"

namespace server::verify {

// Where the WAL of a timeline's files ends.
struct TimelineEnd {
  wal::TimelineId timeline{};
  wal::Lsn begin;
  wal::Lsn end;         // of the last record that was proven
  wal::Finding why;     // there is no more; none if the last file is full
  wal::Lsn unfinished;  // where a record begins that is not whole; invalid if none does
};

// Joins the proofs of pieces to one of all WAL: the records that lie across pieces, the links from
// one piece to the next, and what is missing between them.
//
// A record across pieces is checked like any other: its length must be what the pages of both say,
// and its checksum is put together from those of its parts. What looks like the end of WAL is only
// known to be a fault when WAL comes behind it, so such troubles wait.
//   Owner: verify().  Thread: one at a time.  Borrows: the survey and the sink.
//   Invariant: pieces come in the order of the survey's files, and of a file from its begin on.
//   Limits: two joints for each timeline, and the troubles that wait.
class Joints {
 public:
  Joints(const Survey& survey, TroubleSink& sink) : survey_(survey), sink_(sink) {}

  void take(const Piece& piece, const PieceProof& proof);
  // Nothing comes any more. What waits is told, as far as it is no end of WAL.
  std::vector<TimelineEnd> finish();

  std::uint64_t records() const { return records_; }

 private:
  enum class State {
    kUnknown,  // nothing of what comes next was seen before
    kClean,    // a record ends here
    kPart,     // a record reaches further
    kPadding,  // nothing comes in this segment any more
    kStopped,  // before here, nothing could be proven any more
  };
  // What is known at the end of a piece.
  struct Joint {
    WalFile file;
    State state = State::kUnknown;
    wal::Lsn last_record;  // its begin; of kPart, of the one before
    std::optional<wal::RecordReader::Part> part = {};
    std::uint32_t page_timeline = 0;
  };
  struct Line {
    Joint last;
    Joint before;  // at the end of the file before the last one's
    bool has_file = false;
    wal::Lsn begin;
    wal::Lsn end;
    std::vector<Trouble> waiting = {};
    // Of the file of `last`.
    bool has_wal = false;
    bool is_unreadable = false;
  };

  Joint enter(const Piece& piece, Line& line);
  const Joint* nearest_before(const WalFile& file) const;
  void tell_waiting(wal::TimelineId timeline, wal::SegmentNo before);
  void tell_gap(const WalFile& file);
  void wait(Line& line, Trouble trouble) { line.waiting.push_back(std::move(trouble)); }
  void take_no_wal(const Piece& piece, const PieceProof& proof, Line& line, Joint& joint);
  void take_wal(const Piece& piece, const PieceProof& proof, Line& line, Joint& joint);
  void take_tail(const Piece& piece, const PieceProof& proof, Line& line, Joint& joint);
  void enter_wal(const WalFile& file, Line& line);
  void tell_marks(const Piece& piece, const PieceProof& proof);
  void join(const Piece& piece, const PieceProof& proof, Joint& joint);
  void join_part(const Piece& piece, const PieceProof& proof, Joint& joint);
  void join_void(const Piece& piece, const PieceProof& proof, const Joint& joint);
  void extend(const Piece& piece, const RecordRest& rest, Joint& joint);
  void complete(const Piece& piece, const PieceProof& proof, Joint& joint);
  void check_link(const Piece& piece, const PieceProof& proof, wal::Lsn previous);
  void tell(const Piece& piece, const wal::Finding& finding, wal::Lsn good_from);

  const Survey& survey_;
  TroubleSink& sink_;
  std::map<wal::TimelineId, Line> lines_;
  std::uint64_t records_ = 0;
};

}  // namespace server::verify
