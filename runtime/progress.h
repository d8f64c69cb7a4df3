#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "runtime/clock.h"

namespace runtime {

// How far a long work is: a bar on a terminal, ten times a second; else a line every five seconds.
// A bar takes one line of the terminal, however narrow.
//   Owner: the function that works.  Thread: one at a time.  Borrows: the clock and the file.
class Progress {
 public:
  struct Options {
    bool is_terminal = false;
    std::size_t columns = 0;  // of a terminal, where it does not say itself
    bool quiet = false;
    std::uint64_t total_bytes = 0;
  };

  Progress(const Options& options, const Clock& clock, std::FILE* out)
      : options_(options), clock_(clock), out_(out), begun_(clock.now()), shown_(begun_) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // So many of total_bytes are done: "[####....]  40 %  0.4 of 1.0 GB, 0.25 GB/s".
  void show(std::uint64_t done_bytes);
  // A part between 0 and 1, in words that have no line break.
  void show(double part, std::string_view words);
  // Takes the bar away, so that something else can be written.
  void clear();

 private:
  const Options options_;
  const Clock& clock_;
  std::FILE* const out_;
  const Instant begun_;
  Instant shown_;
  bool has_bar_ = false;
};

}  // namespace runtime
