#include "server/source/interruptible_wait.h"

#include "server/wire/errors.h"

namespace server::source {

using runtime::Result;

Result<void> InterruptibleWait::check() const {
  if (!stop_.load()) return {};
  return runtime::Error{.kind = &wire::kQueryCanceled, .what = "interrupted"};
}

// A stop that is set behind the first look rings the doorbell, which ends the sleep.
Result<short> InterruptibleWait::wait(int fd, short events, runtime::Duration at_most) const {
  TRY(check());
  const short ready = doorbell_.wait(fd, events, at_most);
  TRY(check());
  return ready;
}

}  // namespace server::source
