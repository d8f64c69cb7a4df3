#pragma once

#include <cstddef>
#include <string>

#include "server/verify/piece.h"
#include "server/wal/fault.h"
#include "server/wal/lsn.h"

namespace server::verify {

// Something that an operator should hear of, before it is put into words.
enum class TroubleKind {
  kBytes,         // a reader stops here: the finding says why
  kGap,           // segments are missing, or compressed
  kUnreadable,    // the file could not be read: nothing is known of it
  kWrongSize,     // a whole segment's name, and another size: no server restores it
  kTimelinePage,  // a page of another timeline than the history says
  kTimelineFile,  // a file of a timeline that had not begun there
  kAcrossFork,    // a record reaches over the place where a timeline begins
  kHistory,       // a history file that is of no use
  kEndsEarly,     // WAL ends before --to
  kBeginsLate,    // or begins after --from
  // These are no faults, since no reader looks there.
  kPadding,  // bytes behind a switch are not zero
  kOddity,   // nor those of a page header that mean nothing
};

constexpr bool is_note(TroubleKind kind) { return kind >= TroubleKind::kPadding; }

struct Trouble {
  TroubleKind kind = TroubleKind::kBytes;
  WalFile file;               // in which it lies; of a gap, the first segment that is missing
  wal::Lsn lsn;               // the first bad one
  wal::Lsn good_from = {};    // behind it; invalid: not known
  wal::Finding finding = {};  // for kBytes and kTimelinePage
  std::size_t segments = 0;   // that are missing
  std::string why = {};       // of kUnreadable
  bool at_end = false;        // no WAL was found behind it
};

// Gets each trouble once, mostly in the order of their LSNs.
class TroubleSink {
 public:
  virtual ~TroubleSink() = default;
  virtual void on_trouble(const Trouble& trouble) = 0;
};

}  // namespace server::verify
