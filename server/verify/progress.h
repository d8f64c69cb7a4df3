#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "runtime/clock.h"

namespace server::verify {

// How far a long work is: a bar on a terminal, ten times a second; else a line every five seconds.
// A bar takes one line of the terminal, however narrow.
//   Owner: verify().  Thread: one at a time.  Borrows: the clock and the file.
class Progress {
 public:
  struct Options {
    bool is_terminal = false;
    std::size_t columns = 0;  // of a terminal, where it does not say itself
    bool quiet = false;
    std::uint64_t total_bytes = 0;
  };

  Progress(const Options& options, const runtime::Clock& clock, std::FILE* out)
      : options_(options), clock_(clock), out_(out), begun_(clock.now()), shown_(begun_) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::uint64_t done_bytes);
  // Takes the bar away, so that something else can be written.
  void clear();

 private:
  const Options options_;
  const runtime::Clock& clock_;
  std::FILE* const out_;
  const runtime::Instant begun_;
  runtime::Instant shown_;
  bool has_bar_ = false;
};

}  // namespace server::verify
