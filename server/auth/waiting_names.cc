#include "server/auth/waiting_names.h"

#include <algorithm>
#include <utility>

namespace server::auth {

bool WaitingNames::push(std::string_view origin, std::string_view name) {
  auto queue = std::ranges::find(queues_, origin, &Queue::origin);
  const bool is_new = queue == queues_.end();
  if (!is_new && std::ranges::find(queue->names, name) != queue->names.end()) return true;
  const std::size_t of_origin = is_new ? 0 : queue->names.size();
  if (size_ >= limits_.names_max || of_origin >= limits_.names_per_origin_max) return false;
  if (is_new)
    queue = queues_.insert(queues_.end(), Queue{.origin = std::string(origin), .names = {}});
  queue->names.emplace_back(name);
  ++size_;
  return true;
}

std::optional<std::string> WaitingNames::pop() {
  if (queues_.empty()) return std::nullopt;
  std::string name = queues_.front().names.front();
  queues_.splice(queues_.end(), queues_, queues_.begin());
  remove(name);
  return name;
}

bool WaitingNames::has(std::string_view name) const {
  return std::ranges::any_of(queues_, [&](const Queue& queue) {
    return std::ranges::find(queue.names, name) != queue.names.end();
  });
}

void WaitingNames::clear() {
  queues_.clear();
  size_ = 0;
}

void WaitingNames::remove(std::string_view name) {
  for (Queue& queue : queues_) size_ -= std::erase(queue.names, name);
  std::erase_if(queues_, [](const Queue& queue) { return queue.names.empty(); });
}

}  // namespace server::auth
