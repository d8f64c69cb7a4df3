#pragma once

#include <syslog.h>

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/line_writer.h"
#include "runtime/log_line.h"
#include "runtime/mutex.h"

namespace runtime::log {

// Where the log goes. With neither of the two, nowhere.
struct Destinations {
  enum class Form { kNone, kText, kJson };
  Form on_stderr = Form::kText;
  bool to_syslog = false;
};

struct OutputOptions {
  // As PostgreSQL's, and the thread or "walsender"; in a session also the role and its
  // application_name, since the client's address is in the message.
  static constexpr std::string_view kUsualPrefix = "%m [%p] %b %q%u %a ";

  Destinations destinations = {};
  std::string prefix{kUsualPrefix};  // of text (log_line.h, prefix_text)
  int syslog_facility = LOG_LOCAL0;
  std::string syslog_ident = "walcast";
};

// Whether this descriptor is the journal's, by the value of $JOURNAL_STREAM (systemd.exec(5)):
// "DEVICE:INODE". Null: the process is no service.
bool is_journal(int fd, const char* journal_stream);

// Writes what is logged to standard error and to syslog(3). From start() to stop() threads of its
// own do (line_writer.h), so that no other thread waits for a reader that stands still. Where
// standard error is the journal's, each line has its priority before it.
//   Owner: the log; one in a process.  Thread: put() and drain() any; the others main's, start()
//   and stop() without others. Limits: the LineWriter's for each of the two.
class Output {
 public:
  Output();
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void set(OutputOptions options) EXCLUDES(mutex_);
  void start() EXCLUDES(mutex_);
  // What is logged before is given a second to come out.
  void stop();
  // An event of kFatal always has room, and is waited for, LineWriter::kDrainTime at most.
  void put(const Event& event) EXCLUDES(mutex_);
  void drain(Duration at_most);

 private:
  std::shared_ptr<const OutputOptions> options() const EXCLUDES(mutex_);
  void open_syslog(const OutputOptions& options);
  void start_syslog_writer(const OutputOptions& options);

  const bool is_journal_;
  mutable Mutex mutex_;
  std::shared_ptr<const OutputOptions> options_ GUARDED_BY(mutex_);
  std::list<std::string> syslog_idents_;  // syslog(3) keeps a pointer to each; main's thread
  std::atomic<LineWriter*> stderr_writer_{nullptr};  // from start() to stop(), as the next one
  std::atomic<LineWriter*> syslog_writer_{nullptr};  // null too while nothing goes to syslog
};

}  // namespace runtime::log
