#include "server/session/cancel_keys.h"

#include <sys/random.h>

#include "runtime/check.h"

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
  CHECK(entries_.try_emplace(process_id, Entry{key, &target}).second);
}

void CancelKeys::remove(std::uint32_t process_id) {
  const runtime::Lock lock(mutex_);
  entries_.erase(process_id);
}

CancelKeys::Cancel CancelKeys::cancel(std::uint32_t process_id, std::span<const std::byte> key) {
  const std::optional<Entry> entry = find(process_id);
  if (!entry.has_value()) return Cancel::kNoSuchProcess;
  if (!entry->key.matches(key)) return Cancel::kWrongKey;
  entry->target->post_cancel(process_id);
  return Cancel::kPosted;
}

bool CancelKeys::cancel(std::uint32_t process_id) {
  const auto entry = find(process_id);
  if (entry.has_value()) entry->target->post_cancel(process_id);
  return entry.has_value();
}

bool CancelKeys::terminate(std::uint32_t process_id) {
  const auto entry = find(process_id);
  if (entry.has_value()) entry->target->post_terminate(process_id);
  return entry.has_value();
}

bool CancelKeys::log_memory_contexts(std::uint32_t process_id) {
  const auto entry = find(process_id);
  if (entry.has_value()) entry->target->log_memory_contexts();
  return entry.has_value();
}

std::optional<CancelKeys::Entry> CancelKeys::find(std::uint32_t process_id) const {
  const runtime::Lock lock(mutex_);
  const auto found = entries_.find(process_id);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace server::session
