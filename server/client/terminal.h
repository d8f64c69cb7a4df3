#pragma once

#include <termios.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"

namespace server::client {

// The terminal that standard input and output are, for a screen that is drawn again and again:
// keys come at once and unseen, and the screen is what it was before when this dies. Its escape
// sequences are those that all terminals of today know (ECMA-48, and xterm's other screen).
//   Owner: `walcast top`.  Thread: main's.
class Terminal {
 public:
  struct Size {
    std::size_t columns = 80;
    std::size_t lines = 24;
  };

  // Whether both are one.
  static bool is_there();

  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Size size() const;
  // Draws the whole screen.
  void draw(const std::vector<std::string>& lines) const;
  // The next key, waited for as long as this; none: the time is over. '\x04' at the end of input.
  std::optional<char> key(runtime::Duration at_most) const;

 private:
  termios before_{};
};

}  // namespace server::client
