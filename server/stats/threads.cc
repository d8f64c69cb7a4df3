#include "server/stats/threads.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "runtime/file.h"

namespace server::stats {

namespace {

constexpr const char* kTasks = "/proc/self/task";
constexpr std::size_t kStatBytesMax = 4096;

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// The word of that number, behind the name; 0 is the state.
std::string_view word_at(std::string_view words, std::size_t number) {
  for (; number > 0; --number) {
    const std::size_t blank = words.find(' ');
    if (blank == std::string_view::npos) return {};
    words.remove_prefix(blank + 1);
  }
  return words.substr(0, words.find_first_of(" \n"));
}

}  // namespace

// "4711 (loop-0) S 1 ...": the name may have blanks and parentheses of its own. The times are the
// fields 14 and 15 of proc(5), where the state is the third.
std::optional<ThreadStatus> parse_thread_stat(std::string_view line, runtime::Duration tick) {
  const std::size_t open = line.find(" (");
  const std::size_t close = line.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ThreadStatus thread;
  thread.name = std::string(line.substr(open + 2, close - open - 2));
  const std::string_view words = line.substr(close + 2);
  const std::string_view state = word_at(words, 0);
  std::int64_t user = 0;
  std::int64_t system = 0;
  if (!read_number(line.substr(0, open), thread.id) || state.size() != 1 ||
      !read_number(word_at(words, 11), user) || !read_number(word_at(words, 12), system)) {
    return std::nullopt;
  }
  thread.state = state.front();
  thread.cpu_time = tick * (user + system);
  return thread;
}

std::vector<ThreadStatus> list_threads() {
  const runtime::Duration tick =
      runtime::Duration(std::chrono::seconds(1)) / ::sysconf(_SC_CLK_TCK);
  const auto names = runtime::list_directory(kTasks);
  std::vector<ThreadStatus> threads;
  if (!names) return threads;
  for (const std::string& name : *names) {
    const auto line = runtime::read_text(std::string(kTasks) + "/" + name + "/stat", kStatBytesMax);
    if (!line) continue;  // the thread has ended
    if (auto thread = parse_thread_stat(*line, tick)) threads.push_back(std::move(*thread));
  }
  std::sort(threads.begin(), threads.end(),
            [](const ThreadStatus& a, const ThreadStatus& b) { return a.id < b.id; });
  return threads;
}

}  // namespace server::stats
