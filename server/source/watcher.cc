#include "server/source/watcher.h"

#include <sys/inotify.h>

#include <cerrno>
#include <cstddef>

#include "runtime/errors.h"
#include "runtime/format.h"

namespace server::source {

Watcher::~Watcher() {
  if (fd_) loop_.unwatch(fd_.get());
}

runtime::Result<void> Watcher::watch(const std::string& directory) {
  loop_.assert_in_thread();
  runtime::UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const std::uint32_t mask = IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
  if (!fd || ::inotify_add_watch(fd.get(), directory.c_str(), mask) < 0) {
    return runtime::system_error(errno,
                                 runtime::format("could not watch directory \"{}\"", directory));
  }
  fd_ = std::move(fd);
  loop_.watch(fd_.get(), EPOLLIN, *this);
  return {};
}

// The two halves of a rename within the directory have the same cookie, and come one after the
// other.
void Watcher::note_rename(const inotify_event& event) {
  if (event.len == 0) return;
  if ((event.mask & IN_MOVED_FROM) != 0) {
    moved_cookie_ = event.cookie;
    moved_from_ = event.name;
  } else if ((event.mask & IN_MOVED_TO) != 0 && event.cookie == moved_cookie_) {
    moved_cookie_ = 0;
    listener_.on_file_renamed(moved_from_, event.name);
  }
}

void Watcher::on_ready(std::uint32_t /*events*/) {
  loop_.assert_in_thread();
  alignas(inotify_event) std::byte buffer[16 * 1024];
  ssize_t bytes;
  while ((bytes = ::read(fd_.get(), buffer, sizeof(buffer))) > 0) {
    for (ssize_t at = 0; at < bytes;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      note_rename(*event);
      // Only events of the directory itself, and an overflow of the queue, have no name.
      listener_.on_file_event(event->len > 0 ? std::string_view(event->name) : std::string_view());
    }
  }
  listener_.on_events_done();
}

}  // namespace server::source
