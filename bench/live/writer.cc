#include "bench/live/writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"

namespace bench::live {

using runtime::format;
using server::wal::Lsn;

namespace {

// Before its time, the writer is awake: the scheduler may take so much longer to wake it.
constexpr WallNanos kAwakeBefore = 80'000;
constexpr WallNanos kLeadMin = 1'000'000;
constexpr WallNanos kLeadMax = kNanosPerSecond;
// After the plan's end, what was due before it is still written for so long: the last commits are
// the ones that had to wait, if any had.
constexpr WallNanos kGrace = kNanosPerSecond;
constexpr const char* kPrefix = "walbench";  // of the messages, by which plugins tell them apart

WallNanos wall_now() {
  timespec time{};
  CHECK(::clock_gettime(CLOCK_REALTIME, &time) == 0);
  return time.tv_sec * kNanosPerSecond + time.tv_nsec;
}

}  // namespace

std::string body_of_bytes(std::uint64_t bytes) {
  if (bytes == 0) return "";
  return format("SELECT pg_logical_emit_message(true, '{}', repeat('.', {}))", kPrefix, bytes);
}

bool WriterPlan::is_over(WallNanos due, WallNanos now) const {
  return end.has_value() && (due >= *end || now >= *end + kGrace);
}

Writer::Writer(std::int64_t index, const WriterPlan& plan, CommitLog& log)
    : index_(index), plan_(plan), log_(log), lead_(kLeadMin) {}

runtime::Result<void> Writer::connect() {
  session_ = TRY(SqlSession::connect(plan_.conninfo, format("walbench writer {}", index_)));
  socket_.reset(::fcntl(session_->socket(), F_DUPFD_CLOEXEC, 0));
  if (socket_.valid()) return {};
  return runtime::system_error(errno, "could not duplicate a socket");
}

void Writer::run() {
  CHECK(::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0) == 0);
  const Schedule& schedule = plan_.schedule;
  for (std::int64_t number = index_ - schedule.warm_up; number < schedule.commits;
       number += plan_.writers) {
    // What could not be done while the servers warm up is no debt of what is measured.
    if (number < 0 && wall_now() >= schedule.begin) continue;
    if (plan_.is_over(schedule.due(number), wall_now())) break;
    if (auto written = write(number); !written) {
      failure_ = written.error();
      break;
    }
    if (stopped_.load()) break;
  }
  if (session_->is_in_transaction()) static_cast<void>(session_->run("ROLLBACK"));
}

void Writer::stop() {
  stopped_.store(true);
  doorbell_.ring();
}

void Writer::abort() {
  stop();
  ::shutdown(socket_.get(), SHUT_RDWR);
}

// What is stopped in its wait is rolled back.
runtime::Result<void> Writer::write(std::int64_t number) {
  const WallNanos due = plan_.schedule.due(number);
  if (!wait_until(due - lead_)) return {};
  const WallNanos begun = wall_now();
  TRY(session_->run("BEGIN;\n" + plan_.body));
  if (!session_->is_in_transaction()) {
    return runtime::Error{.kind = &kSqlFailed, .what = "the script ends its transaction itself"};
  }
  // A body that took longer than those before it begins earlier from now on, and that wears off: a
  // transaction that waits for its time holds its locks.
  lead_ = std::clamp(std::max((wall_now() - begun) * 2, lead_ - lead_ / 16), kLeadMin, kLeadMax);
  if (!wait_until(due)) return {};
  // What warms up has a label that none looks for.
  const bool measured = number >= 0;
  const std::string mark = measured ? walbench::stamp(plan_.label, due) : "warm-up";
  const std::string stamped = TRY(session_->value(
      format("SELECT pg_logical_emit_message(true, '{}', '{}'); COMMIT", kPrefix, mark)));
  const WallNanos now = wall_now();
  const auto position = server::wal::parse_lsn(stamped);
  if (!position) {
    return runtime::Error{.kind = &kSqlFailed, .what = "no position in \"" + stamped + "\""};
  }
  position_.store(position->value());
  if (!measured) return {};
  log_.add({.due = due, .stamped = *position});
  count(due, now);
  return {};
}

void Writer::count(WallNanos due, WallNanos now) {
  answers_.add(plan_.windows->number(due), walbench::micros_between(due, now));
  ++answered_[plan_.windows->number(now)];
  last_answer_ = now;
  written_.add(1);
}

// False if it was stopped. A loop's timers count milliseconds, which is too coarse for commits.
bool Writer::wait_until(WallNanos time) {
  pollfd bell{.fd = doorbell_.fd(), .events = POLLIN, .revents = 0};
  for (;;) {
    if (stopped_.load()) return false;
    const WallNanos left = time - wall_now();
    if (left <= 0) return true;
    if (left <= kAwakeBefore) continue;
    const WallNanos sleep = left - kAwakeBefore;
    const timespec at_most{.tv_sec = sleep / kNanosPerSecond, .tv_nsec = sleep % kNanosPerSecond};
    if (doorbell_.prepare_to_sleep()) static_cast<void>(::ppoll(&bell, 1, &at_most, nullptr));
    doorbell_.awake();
  }
}

}  // namespace bench::live
