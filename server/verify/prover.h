#pragma once

#include <string>

#include "server/verify/piece.h"
#include "server/wal/directory.h"
#include "server/wal/identity.h"
#include "server/wal/timeline.h"

namespace server::verify {

// What is known of the WAL of a piece before it is read.
struct ProverOptions {
  const wal::Directory& directory;
  const wal::Identity& identity;
  const wal::TimelineHistory* history;  // of the file's timeline; null if it has no known parents
};

// Proves all records that begin in the piece, and reads the part of the one that has begun before:
// page headers, lengths, links and checksums. Behind wrong bytes it goes on at the next record that
// can be proven. Blocks on the file; every byte is read once, whatever it holds, if nothing is
// wrong. Any thread.
PieceProof prove(const ProverOptions& options, const Piece& piece);

}  // namespace server::verify
