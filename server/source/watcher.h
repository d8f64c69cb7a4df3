#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/annotations.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/result.h"

namespace server::source {

// Tells which files of one directory have changed, by inotify.
//   Owner: DirectorySource.  Thread: the loop's.
//   Limits: the kernel's queue; when it overflows the listener is told to look at everything.
class Watcher final : private runtime::Loop::Handler {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // `name` was written to, came, or went. Empty: look at everything. Called for each event.
    virtual void on_file_event(std::string_view name) = 0;
    // After a batch of events.
    virtual void on_events_done() = 0;
  };

  Watcher(runtime::Loop& loop, Listener& listener) : loop_(loop), listener_(listener) {}
  ~Watcher() override;

  runtime::Result<void> watch(const std::string& directory);

 private:
  void on_ready(std::uint32_t events) override;

  runtime::Loop& loop_;
  Listener& listener_;
  runtime::UniqueFd fd_ GUARDED_BY(loop_);
};

}  // namespace server::source
