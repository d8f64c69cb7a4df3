#pragma once

#include <map>
#include <string>

#include "runtime/log.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wal/timeline.h"

namespace server::source {

// What the log says of a primary's hosts: from which one WAL is streamed, and why the others are
// not taken. A failure that lasts is logged once for each host, however often the host is tried.
//   Owner: Receiver.  Thread: the receiver's.
class HostReports {
 public:
  // The host failed, or was passed over. `server` names it where the text should say which of
  // several it was; empty: there is no other, or the error's own text says.
  void log_failure(runtime::log::Level level, const std::string& host, const runtime::Error& error,
                   const std::string& server);
  // A stream has begun. One whose predecessor was refused is logged when its WAL is proven.
  void log_stream(const std::string& host, wal::Lsn begin, wal::TimelineId timeline,
                  const std::string& server);
  // Whether the last stream of this host was refused, or its WAL was, and none was proven since.
  bool fails(const std::string& host) const;
  // WAL of this host's stream was proven.
  void note_progress(const std::string& host) { of_hosts_[host].fails = false; }

 private:
  struct Said {
    std::string reason;  // of the last failure that was logged since a stream has begun
    bool fails = false;
  };

  std::map<std::string, Said> of_hosts_;
};

}  // namespace server::source
