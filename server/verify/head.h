#pragma once

#include <optional>

#include "server/verify/piece.h"
#include "server/wal/identity.h"
#include "server/wal/pages.h"

namespace server::verify {

// How a piece begins.
struct Head {
  wal::Finding finding = {};       // of the first page, if it is none: nothing else is known
  std::optional<RecordRest> rest;  // of a record from before the piece
  bool overwrites = false;         // the first record of the piece's own says what is void
  // Where the first record begins that is the piece's own, or the page at which the rest is wrong.
  // The piece's end, if the rest fills it.
  wal::Lsn position;
};

// Reads the rest of the record that reaches into the piece, with the headers of its pages. Blocks
// as the pages do.
Head read_head(wal::PageSource& pages, const wal::Identity& identity, const Piece& piece);

}  // namespace server::verify
