#include "runtime/doorbell.h"

#include <sys/eventfd.h>

#include "runtime/check.h"

namespace runtime {

Doorbell::Doorbell() : event_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(event_fd_.valid());
}

void Doorbell::ring() {
  rings_.fetch_add(1);
  if (asleep_.load() && asleep_.exchange(false)) {
    // The counter of an eventfd overflows only after 2^64 - 2 unread rings.
    const std::uint64_t one = 1;
    CHECK(::write(event_fd_.get(), &one, sizeof(one)) == sizeof(one));
  }
}

bool Doorbell::prepare_to_sleep() {
  asleep_.store(true);
  return rings_.load() == seen_;
}

void Doorbell::awake() {
  asleep_.store(false);
  seen_ = rings_.load();
  std::uint64_t count = 0;
  // EAGAIN is the usual answer: nobody had to ring aloud.
  [[maybe_unused]] const auto bytes = ::read(event_fd_.get(), &count, sizeof(count));
}

}  // namespace runtime
