#pragma once

#include <vector>

#include "server/slot/slots.h"
#include "server/wal/holds.h"

namespace server::slot {

// The slots as holders of WAL. A failure to save or to invalidate slots is logged, and leaves their
// WAL where it is.
//   Owner: Server.  Thread: any asks; the thread that removes WAL settles and releases.
//   Borrows: the slots.
class SlotHolder final : public wal::Holder {
 public:
  explicit SlotHolder(Slots& slots) : slots_(slots) {}

  std::vector<wal::Hold> holds() const override { return slots_.holds(); }
  void settle() override;
  void release_before(wal::Lsn oldest) override;

 private:
  Slots& slots_;
};

}  // namespace server::slot
