#pragma once

#include <string>
#include <utility>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/published.h"

namespace server::source {

// The connection string by which WAL comes: primary_conninfo, until an admin chooses another
// (walcast_switch_upstream). A restart begins with primary_conninfo again.
//   Owner: Receiver.  Thread: any chooses; the receiver's takes.
class UpstreamChoice {
 public:
  explicit UpstreamChoice(std::string conninfo) : conninfo_(std::move(conninfo)) {}

  // `shown` is the string without what is secret. The caller wakes the receiver.
  void choose(std::string conninfo, std::string shown) EXCLUDES(mutex_) {
    const runtime::Lock lock(mutex_);
    conninfo_ = std::move(conninfo);
    shown_ = std::move(shown);
    is_new_.store(true);
  }
  // Whether another was chosen since take().
  bool is_new() const { return is_new_.load(); }
  std::string take() EXCLUDES(mutex_) {
    const runtime::Lock lock(mutex_);
    is_new_.store(false);
    return conninfo_;
  }
  // What was chosen last, taken or not; empty: nothing was.
  std::string shown() const EXCLUDES(mutex_) {
    const runtime::Lock lock(mutex_);
    return shown_;
  }

 private:
  mutable runtime::Mutex mutex_;
  std::string conninfo_ GUARDED_BY(mutex_);
  std::string shown_ GUARDED_BY(mutex_);
  runtime::Published<bool> is_new_{false};  // written under the mutex
};

}  // namespace server::source
