#include "runtime/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/format.h"
#include "runtime/mutex.h"
#include "runtime/system_call.h"

namespace runtime {

namespace {

// While its reader stands still, the thread looks this often whether it is to end.
constexpr Duration kPollTime = std::chrono::milliseconds(100);

int poll_ms(Duration time) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

enum class Room { kYes, kNotYet, kNever };

Room wait_for_room(int fd, Duration at_most) {
  pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
  const int ready = retry_on_signal([&] { return ::poll(&writable, 1, poll_ms(at_most)); });
  if (ready == 0) return Room::kNotYet;
  return ready > 0 && (writable.revents & POLLOUT) != 0 ? Room::kYes : Room::kNever;
}

// Writes what there is room for, and takes it off the text. Returns false if nothing more can be.
bool write_piece(int fd, std::string_view& text) {
  const std::size_t size = std::min<std::size_t>(text.size(), PIPE_BUF);
  const ssize_t written = retry_on_signal([&] { return ::write(fd, text.data(), size); });
  if (written < 0) return errno == EAGAIN;
  text.remove_prefix(static_cast<std::size_t>(written));
  return true;
}

}  // namespace

bool write_within(int fd, std::string_view text, Duration at_most) {
  const Instant deadline = SystemClock().now() + at_most;
  while (!text.empty()) {
    const Duration left = std::max(deadline - SystemClock().now(), Duration::zero());
    if (wait_for_room(fd, left) != Room::kYes || !write_piece(fd, text)) return false;
  }
  return true;
}

// What the threads that write text and the one that hands it on share.
class LineWriter::State {
 public:
  State(int fd, std::string of_what, std::size_t bytes_max)
      : fd_(fd), of_what_(std::move(of_what)), bytes_max_(bytes_max) {}
  State(std::function<void(std::string_view)> write, std::string of_what, std::size_t bytes_max)
      : write_(std::move(write)), of_what_(std::move(of_what)), bytes_max_(bytes_max) {}

  void add(std::string text, bool in_any_case) EXCLUDES(mutex_) {
    const Lock lock(mutex_);
    if (!in_any_case && bytes_ + text.size() > bytes_max_) {
      ++dropped_;
      return;
    }
    push(std::move(text));
  }

  // Waits until there is no text, or the thread is over.
  void drain(Duration at_most) EXCLUDES(mutex_) {
    std::binary_semaphore drained(0);
    {
      const Lock lock(mutex_);
      if (texts_.empty() || over_) return;
      drainers_.push_back(&drained);
    }
    const bool done = drained.try_acquire_for(at_most);
    const Lock lock(mutex_);
    if (!done) std::erase(drainers_, &drained);
  }

  void end() EXCLUDES(mutex_) {
    const Lock lock(mutex_);
    ending_ = true;
    to_do_.release();
  }

  void run() EXCLUDES(mutex_) {
    for (std::string_view text; next(text);) {
      write_all(text);
      note_written();
    }
    const Lock lock(mutex_);
    over_ = true;
    release_drainers();
  }

 private:
  // Waits for a text, which stays at the front until it is written; only the thread takes it away.
  // Returns false when the thread is to end.
  bool next(std::string_view& text) EXCLUDES(mutex_) {
    to_do_.acquire();
    const Lock lock(mutex_);
    if (ending_) return false;
    text = texts_.front();
    return true;
  }

  // The line that counts what was dropped follows the texts that came before it.
  void note_written() EXCLUDES(mutex_) {
    const Lock lock(mutex_);
    bytes_ -= texts_.front().size();
    texts_.pop_front();
    if (texts_.empty() && dropped_ > 0) {
      push(format("walcast: {} {} were dropped, because their reader stood still\n",
                  std::exchange(dropped_, 0), of_what_));
    }
    if (texts_.empty()) release_drainers();
  }

  void push(std::string text) REQUIRES(mutex_) {
    bytes_ += text.size();
    texts_.push_back(std::move(text));
    to_do_.release();
  }

  void release_drainers() REQUIRES(mutex_) {
    for (std::binary_semaphore* drainer : std::exchange(drainers_, {})) drainer->release();
  }

  bool is_ending() EXCLUDES(mutex_) {
    const Lock lock(mutex_);
    return ending_;
  }

  // Text that nothing reads any more counts as written.
  void write_all(std::string_view text) EXCLUDES(mutex_) {
    if (write_) return write_(text);
    while (!text.empty()) {
      const Room room = wait_for_room(fd_, kPollTime);
      if (room == Room::kNotYet && is_ending()) return;
      if (room == Room::kNotYet) continue;
      if (room == Room::kNever || !write_piece(fd_, text)) return;
    }
  }

  const std::function<void(std::string_view)> write_;  // empty: fd_ is written to
  const int fd_ = -1;
  const std::string of_what_;
  const std::size_t bytes_max_;
  Mutex mutex_;
  std::counting_semaphore<> to_do_{0};  // as many as there are texts, and one for the end
  std::vector<std::binary_semaphore*> drainers_ GUARDED_BY(mutex_);
  std::deque<std::string> texts_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;    // of texts_
  std::size_t dropped_ GUARDED_BY(mutex_) = 0;  // and not told of
  bool ending_ GUARDED_BY(mutex_) = false;
  bool over_ GUARDED_BY(mutex_) = false;
};

LineWriter::LineWriter(int fd, std::string thread_name, std::string of_what, std::size_t bytes_max)
    : state_(std::make_shared<State>(fd, std::move(of_what), bytes_max)) {
  start(std::move(thread_name));
}

LineWriter::LineWriter(std::function<void(std::string_view)> write, std::string thread_name,
                       std::string of_what, std::size_t bytes_max)
    : state_(std::make_shared<State>(std::move(write), std::move(of_what), bytes_max)) {
  start(std::move(thread_name));
}

// Signals are for other threads, from its first moment on.
void LineWriter::start(std::string thread_name) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state = state_, name = thread_name.substr(0, 15)] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    state->run();
  }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineWriter::~LineWriter() {
  drain(kDrainTime);
  state_->end();
}

void LineWriter::write(std::string text) { state_->add(std::move(text), /*in_any_case=*/false); }

void LineWriter::write_in_any_case(std::string text) {
  state_->add(std::move(text), /*in_any_case=*/true);
}

void LineWriter::drain(Duration at_most) { state_->drain(at_most); }

}  // namespace runtime
