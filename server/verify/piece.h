#pragma once

// What `walcast verify` proves at once, and what it finds there. Pieces are proven apart, on any
// thread and in any order, and joined afterwards (joints.h).
//
//   piece   | rest of a record | record | record | first part |
//   next                                                      | rest ...
//             ^ head             ^ first_record                ^ tail

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/result.h"
#include "server/wal/crc32c.h"
#include "server/wal/fault.h"
#include "server/wal/lsn.h"
#include "server/wal/names.h"
#include "server/wal/record_reader.h"

namespace server::verify {

// A file of WAL: a segment, or a .partial where there is no whole segment.
struct WalFile {
  wal::FileName name;
  wal::SegmentNo no{};
  std::uint64_t bytes = 0;  // of the file, when it was found

  wal::TimelineId timeline() const { return name.timeline; }
};

// Whole pages of one file.
struct Piece {
  WalFile file;
  wal::Lsn begin;
  wal::Lsn end;
};

// Small enough that all cores have something to do to the end, and large enough that what a piece
// costs besides its bytes is little.
inline constexpr std::uint64_t kPieceBytes = 4u << 20;

// The bytes that a piece begins with, of a record that has begun before it.
struct RecordRest {
  // The begin of the rest may belong to the record's header, and that is for the joint to say. It
  // is no more than this, since a record begins at a multiple of eight and its first eight bytes
  // are on the page where it begins.
  static constexpr std::size_t kHeadBytes = sizeof(wal::RecordHeader) - 8;

  enum class End {
    kComplete,  // the record ends in this piece
    kGoesOn,    // it fills the piece
    kVoid,      // a crash cut the record off, and an XLOG_OVERWRITE_CONTRECORD says so
    kFault,     // its next page is wrong
  };
  End end = End::kGoesOn;
  std::uint32_t declared = 0;                // the bytes that are missing, as the first page says
  std::uint32_t got = 0;                     // those that are here
  std::array<std::byte, kHeadBytes> head{};  // the first of them
  wal::Crc32c crc = wal::Crc32c::of_rest();  // of those behind these
  wal::Finding finding = {};                 // for kFault
};

// Wrong bytes within a piece.
struct Damage {
  wal::Finding finding;
  wal::Lsn good_from;  // what begins here was proven again
};

enum class Tail {
  kWhole,    // the piece's last record ends with the piece
  kPart,     // a record begins in the piece, or before it, and reaches further
  kPadding,  // XLOG_SWITCH: nothing comes any more in this segment
  kStopped,  // nothing was proven behind `position`, because of `stopped`
};

// What the proof of a piece has found.
struct PieceProof {
  std::optional<runtime::Error> problem;  // the file could not be read: nothing else is known

  // The first page is valid, or something behind it is: this is WAL.
  bool has_wal = false;
  // None: a record begins with the piece, if it has WAL.
  std::optional<RecordRest> rest;
  // Of the first record that begins in the piece and was proven, if nothing before it was wrong.
  wal::Lsn first_record;
  wal::Lsn first_previous;
  // The record that the first one says is void; set only where its page says so too.
  std::optional<wal::Lsn> overwritten;

  std::vector<Damage> damages;
  // What no reader looks at, and is not as PostgreSQL writes it.
  std::vector<wal::Finding> oddities;
  // Pages of another timeline than the history says: found and expected.
  std::vector<wal::Finding> wrong_timelines;
  std::optional<wal::Lsn> padding_not_zero;
  // A record that reaches over the position at which the file's timeline begins.
  wal::Lsn across_fork;

  Tail tail = Tail::kStopped;
  wal::Lsn position;     // up to which records were proven
  wal::Lsn last_record;  // its begin; invalid if none ends in the piece
  std::optional<wal::RecordReader::Part> part = {};
  wal::Finding stopped = {};

  std::uint32_t first_page_timeline = 0;
  std::uint32_t last_page_timeline = 0;
  std::uint64_t records = 0;
};

}  // namespace server::verify
