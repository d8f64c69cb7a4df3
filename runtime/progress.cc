#include "runtime/progress.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include "runtime/format.h"

namespace runtime {

namespace {

constexpr std::size_t kBarColumns = 40;
constexpr std::size_t kBarColumnsMin = 5;
constexpr std::size_t kTerminalColumns = 80;
constexpr Duration kBarEvery = std::chrono::milliseconds(100);
constexpr Duration kLineEvery = std::chrono::seconds(5);

// A terminal may be made wider or narrower at any time.
std::size_t columns_of(std::FILE* out, std::size_t otherwise) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size.ws_col;
  return otherwise != 0 ? otherwise : kTerminalColumns;
}

// A bar and words that fit into so many columns, and leave the last one free, behind which a
// terminal would begin a new line.
std::string line_of(double part, std::string_view words, std::size_t columns) {
  const std::size_t around = std::string_view("[] ").size() + 1;
  const std::size_t room = columns - std::min(columns, words.size() + around);
  if (room < kBarColumnsMin) {
    return std::string(words.substr(0, columns - std::min<std::size_t>(columns, 1)));
  }
  const std::size_t bar = std::min(room, kBarColumns);
  const auto full = std::min(bar, static_cast<std::size_t>(part * static_cast<double>(bar)));
  return format("[{}{}] {}", std::string(full, '#'), std::string(bar - full, '.'), words);
}

}  // namespace

void Progress::show(std::uint64_t done_bytes) {
  constexpr double kGigabyte = 0x1p30;
  const double done = static_cast<double>(done_bytes);
  const double total = static_cast<double>(std::max<std::uint64_t>(options_.total_bytes, 1));
  const double part = done / total;
  const double seconds = std::chrono::duration<double>(clock_.now() - begun_).count();
  show(part, format("{:3.0f} %  {:.1f} of {:.1f} GB, {:.2f} GB/s", 100 * part, done / kGigabyte,
                    total / kGigabyte, done / kGigabyte / std::max(seconds, 1e-9)));
}

void Progress::show(double part, std::string_view words) {
  const Instant now = clock_.now();
  if (options_.quiet || now - shown_ < (options_.is_terminal ? kBarEvery : kLineEvery)) return;
  shown_ = now;
  if (!options_.is_terminal) {
    std::fputs(format("{}\n", words).c_str(), out_);
  } else {
    const std::size_t columns = columns_of(out_, options_.columns);
    const std::string line = line_of(std::clamp(part, 0.0, 1.0), words, columns);
    std::fputs(format("\r{}\x1b[K", line).c_str(), out_);
    has_bar_ = true;
  }
  std::fflush(out_);
}

void Progress::clear() {
  if (!has_bar_) return;
  has_bar_ = false;
  std::fputs("\r\x1b[K", out_);
  std::fflush(out_);
}

}  // namespace runtime
