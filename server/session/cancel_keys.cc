#include "server/session/cancel_keys.h"

#include <sys/random.h>

#include "runtime/check.h"
#include "runtime/log.h"

namespace server::session {

CancelKey CancelKey::random(std::size_t size) {
  CancelKey key;
  CHECK(size <= key.bytes_.size());
  key.size_ = size;
  CHECK(::getrandom(key.bytes_.data(), size, 0) == static_cast<ssize_t>(size));
  return key;
}

bool CancelKey::matches(std::span<const std::byte> other) const {
  if (other.size() != size_) return false;
  std::byte difference{};
  for (std::size_t i = 0; i < size_; ++i) difference |= bytes_[i] ^ other[i];
  return difference == std::byte{};
}

void CancelKeys::add(std::uint32_t process_id, const CancelKey& key, Target& target) {
  const runtime::Lock lock(mutex_);
  entries_.insert_or_assign(process_id, Entry{key, &target});
}

void CancelKeys::remove(std::uint32_t process_id) {
  const runtime::Lock lock(mutex_);
  entries_.erase(process_id);
}

void CancelKeys::cancel(std::uint32_t process_id, std::span<const std::byte> key) {
  const std::optional<Entry> entry = find(process_id);
  if (!entry.has_value()) {
    runtime::log::log("PID {} in cancel request did not match any process", process_id);
  } else if (!entry->key.matches(key)) {
    runtime::log::log("wrong key in cancel request for process {}", process_id);
  } else {
    entry->target->post_cancel(process_id);
  }
}

void CancelKeys::terminate(std::uint32_t process_id) {
  if (const auto entry = find(process_id)) entry->target->post_terminate(process_id);
}

std::optional<CancelKeys::Entry> CancelKeys::find(std::uint32_t process_id) const {
  const runtime::Lock lock(mutex_);
  const auto found = entries_.find(process_id);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace server::session
