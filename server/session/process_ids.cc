#include "server/session/process_ids.h"

#include <unistd.h>

#include "runtime/check.h"

namespace server::session {

ProcessId::~ProcessId() {
  if (ids_ != nullptr) ids_->give_back(value_);
}

ProcessIds::~ProcessIds() {
  const runtime::Lock lock(mutex_);
  CHECK(taken_.empty());
}

ProcessId ProcessIds::take() {
  const auto own = static_cast<std::uint32_t>(::getpid());
  const runtime::Lock lock(mutex_);
  do {
    last_ = (last_ + 1) & 0x7FFFFFFF;
  } while (last_ == 0 || last_ == own || !taken_.insert(last_).second);
  return ProcessId(*this, last_);
}

void ProcessIds::give_back(std::uint32_t value) {
  const runtime::Lock lock(mutex_);
  CHECK(taken_.erase(value) == 1);
}

}  // namespace server::session
