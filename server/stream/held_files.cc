#include "server/stream/held_files.h"

#include <utility>

#include "server/stream/page_hold.h"

namespace server::stream {

void HeldFiles::hold_from(wal::Lsn from) {
  if (std::exchange(from_, from) >= from) return;
  runtime::IntrusiveList<PageHold> told;
  told.take_all(holds_);
  while (PageHold* hold = told.pop_front()) hold->on_files_released();
}

void HeldFiles::add(PageHold& hold) { holds_.push_back(hold.link()); }

}  // namespace server::stream
