#include "server/client/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace server::client {

namespace {

constexpr std::string_view kOtherScreen = "\x1b[?1049h\x1b[?25l";  // and no cursor
constexpr std::string_view kFirstScreen = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

bool Terminal::is_there() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Terminal::Terminal() {
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  put(kOtherScreen);
}

Terminal::~Terminal() {
  put(kFirstScreen);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

Terminal::Size Terminal::size() const {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return {};
  return {window.ws_col, window.ws_row};
}

void Terminal::draw(const std::vector<std::string>& lines) const {
  std::string screen(kHome);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) screen += "\r\n";
    screen += lines[i];
    screen += kClearLine;
  }
  screen += kClearBelow;
  put(screen);
}

// A window that changes its size ends the wait, and is drawn anew.
std::optional<char> Terminal::key(runtime::Duration at_most) const {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(at_most);
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, static_cast<int>(wait.count())) <= 0) return std::nullopt;
  char key = 0;
  const ssize_t got = ::read(STDIN_FILENO, &key, 1);  // at once, so no signal interrupts it
  return got == 1 ? key : '\x04';
}

}  // namespace server::client
