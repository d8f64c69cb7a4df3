#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/annotations.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/result.h"

struct inotify_event;

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
    // A file got another name within the directory. Called before the events of the two names end.
    virtual void on_file_renamed(std::string_view from, std::string_view to) = 0;
    // After a batch of events.
    virtual void on_events_done() = 0;
  };

  Watcher(runtime::Loop& loop, Listener& listener) : loop_(loop), listener_(listener) {}
  ~Watcher() override;

  runtime::Result<void> watch(const std::string& directory);

 private:
  void on_ready(std::uint32_t events) override;
  void note_rename(const inotify_event& event) REQUIRES(loop_);

  runtime::Loop& loop_;
  Listener& listener_;
  runtime::UniqueFd fd_ GUARDED_BY(loop_);
  // The first half of a rename: its cookie, 0 for none, and the name that went.
  std::uint32_t moved_cookie_ GUARDED_BY(loop_) = 0;
  std::string moved_from_ GUARDED_BY(loop_);
};

}  // namespace server::source
