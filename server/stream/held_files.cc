#include "server/stream/held_files.h"

#include <utility>

namespace server::stream {

void HeldFiles::hold_from(wal::Lsn from) {
  if (std::exchange(from_, from) >= from) return;
  runtime::IntrusiveList<Hold> told;
  told.take_all(holds_);
  while (Hold* hold = told.pop_front()) hold->on_files_released();
}

void HeldFiles::add(Hold& hold) { holds_.push_back(hold.link_); }

}  // namespace server::stream
