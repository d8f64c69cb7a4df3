#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/clock.h"

namespace runtime {

// Text for a descriptor whose reader may stand still, such as a pipe that is full: a thread of its
// own writes it, so that no other thread waits for that reader.
//   Owner: the log, or the server for its standard output.  Thread: any thread writes; the owner
//   alone destroys it.
//   Invariant: texts come out whole and in order, or not at all. Where some were dropped, a line
//   says how many as soon as the reader reads again.
//   Limits: bytes_max that wait; kDrainTime for them at the end, after which they are lost. The
//   descriptor is not closed.
class LineWriter {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;
  static constexpr Duration kDrainTime = std::chrono::seconds(1);

  // `of_what` names the texts in the line that counts those that were dropped: "lines of the log".
  LineWriter(int fd, std::string thread_name, std::string of_what,
             std::size_t bytes_max = kBytesMax);
  // For what is no descriptor, such as syslog(3): the thread calls `write` for each text, and waits
  // for it as long as it takes.
  LineWriter(std::function<void(std::string_view text)> write, std::string thread_name,
             std::string of_what, std::size_t bytes_max = kBytesMax);
  // Waits for what has been taken to be written, kDrainTime at most.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Does not block. Text that there is no room for is dropped.
  void write(std::string text);
  // Takes text for which there is no room, too: for the last words of a process.
  void write_in_any_case(std::string text);
  // Waits until all that was taken is written, or until `at_most` has passed.
  void drain(Duration at_most);

 private:
  class State;

  void start(std::string thread_name);

  // Shared with the thread, which nothing waits for: if poll() has promised room that another
  // process took, the thread may block in write(2) until the process ends.
  std::shared_ptr<State> state_;
};

// Writes all of `text`, but waits for room no longer than `at_most`. Returns whether it is written.
// A pipe that poll() says is writable has room for PIPE_BUF bytes, so pieces of that size do not
// block, unless another process takes the room first.
bool write_within(int fd, std::string_view text, Duration at_most);

}  // namespace runtime
