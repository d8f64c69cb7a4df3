#include "server/http/task_queue.h"

#include <utility>

#include "runtime/format.h"

namespace server::http {

using runtime::Lock;

TaskQueue::TaskQueue(Options options) : options_(options) {
  for (std::size_t i = 0; i < options_.threads; ++i) {
    threads_.push_back(std::make_unique<runtime::NamedThread>(runtime::format("http-{}", i),
                                                              [this](memctx::Context&) { run(); }));
  }
}

void TaskQueue::enqueue(std::function<void()> task) {
  const Lock lock(mutex_);
  while (tasks_.size() >= options_.waiting_max && !stopping_) changed_.wait(mutex_);
  tasks_.push_back(std::move(task));
  changed_.notify_all();
}

void TaskQueue::shutdown() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  threads_.clear();
}

void TaskQueue::run() {
  while (const std::function<void()> task = next()) task();
}

std::function<void()> TaskQueue::next() {
  const Lock lock(mutex_);
  while (tasks_.empty() && !stopping_) changed_.wait(mutex_);
  if (tasks_.empty()) return {};
  std::function<void()> task = std::move(tasks_.front());
  tasks_.pop_front();
  changed_.notify_all();
  return task;
}

}  // namespace server::http
