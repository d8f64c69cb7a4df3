#include "server/console/console_thread.h"

#include <utility>

namespace server::console {

ConsoleThread::ConsoleThread(Options options)
    : options_(std::move(options)), thread_("console", [this](memctx::Context&) { run(); }) {}

ConsoleThread::~ConsoleThread() {
  stop();
  thread_.join();
}

bool ConsoleThread::post(Job& job) {
  const runtime::Lock lock(mutex_);
  if (stopping_ || jobs_ == options_.jobs_max) return false;
  ++jobs_;
  waiting_.push_back({.run = std::move(job), .held = {}});
  changed_.notify_one();
  return true;
}

void ConsoleThread::post_release(std::shared_ptr<void> held) {
  const runtime::Lock lock(mutex_);
  waiting_.push_back({.run = {}, .held = std::move(held)});
  changed_.notify_one();
}

void ConsoleThread::stop() {
  const runtime::Lock lock(mutex_);
  stopping_ = true;
  changed_.notify_one();
}

bool ConsoleThread::next(Waiting& waiting) {
  const runtime::Lock lock(mutex_);
  while (waiting_.empty() && !stopping_) changed_.wait(mutex_);
  if (waiting_.empty()) return false;
  waiting = std::move(waiting_.front());
  waiting_.pop_front();
  if (waiting.run) --jobs_;
  waiting.runs = !stopping_;
  return true;
}

void ConsoleThread::run() {
  Engine engine(options_.engine);
  Waiting waiting;
  while (next(waiting)) {
    if (waiting.run && waiting.runs) waiting.run(engine);
    waiting = {};
  }
}

}  // namespace server::console
