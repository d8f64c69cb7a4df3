#include "runtime/log_output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/system_call.h"

namespace runtime::log {

bool is_journal(int fd, const char* journal_stream) {
  struct stat file {};
  if (journal_stream == nullptr || ::fstat(fd, &file) != 0) return false;
  return format("{}:{}", file.st_dev, file.st_ino) == journal_stream;
}

namespace {

void write_at_once(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written =
        retry_on_signal([&] { return ::write(STDERR_FILENO, text.data(), text.size()); });
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Each line is a message, which begins with its priority. May block.
void write_to_syslog(std::string_view lines) {
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const int priority = take_priority(line);
    ::syslog(priority, "%.*s", static_cast<int>(line.size()), line.data());
  }
}

void hand_on(LineWriter& writer, Level level, std::string text) {
  if (level != Level::kFatal) return writer.write(std::move(text));
  writer.write_in_any_case(std::move(text));
  writer.drain(LineWriter::kDrainTime);
}

}  // namespace

Output::Output()
    : is_journal_(is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM"))),
      options_(std::make_shared<const OutputOptions>()) {}

Output::~Output() { stop(); }

std::shared_ptr<const OutputOptions> Output::options() const {
  const Lock lock(mutex_);
  return options_;
}

void Output::set(OutputOptions options) {
  auto shared = std::make_shared<const OutputOptions>(std::move(options));
  if (shared->destinations.to_syslog) open_syslog(*shared);
  if (stderr_writer_.load() != nullptr) start_syslog_writer(*shared);
  const Lock lock(mutex_);
  options_ = std::move(shared);
}

// What is logged meanwhile goes out under the old name, or the new one.
void Output::open_syslog(const OutputOptions& options) {
  if (syslog_idents_.empty() || syslog_idents_.back() != options.syslog_ident) {
    syslog_idents_.push_back(options.syslog_ident);
  }
  ::openlog(syslog_idents_.back().c_str(), LOG_PID | LOG_NDELAY, options.syslog_facility);
}

// It stays when nothing goes to syslog any more: another thread may just hand something on.
void Output::start_syslog_writer(const OutputOptions& options) {
  if (!options.destinations.to_syslog || syslog_writer_.load() != nullptr) return;
  syslog_writer_.store(new LineWriter(write_to_syslog, "syslog", "lines of the log"));
}

void Output::start() {
  CHECK(stderr_writer_.load() == nullptr);
  stderr_writer_.store(new LineWriter(STDERR_FILENO, "log", "lines of the log"));
  start_syslog_writer(*options());
}

void Output::stop() {
  delete syslog_writer_.exchange(nullptr);
  delete stderr_writer_.exchange(nullptr);
}

void Output::drain(Duration at_most) {
  for (auto* const writer : {&stderr_writer_, &syslog_writer_}) {
    if (LineWriter* const found = writer->load()) found->drain(at_most);
  }
}

void Output::put(const Event& event) {
  using Form = Destinations::Form;
  const auto options = this->options();
  const Destinations to = options->destinations;
  std::string text;
  if (to.on_stderr == Form::kText || to.to_syslog) {
    text = text_lines(options->prefix, event);
  }
  if (to.to_syslog) {
    std::string marked = with_priority(event.level, text);
    LineWriter* const writer = syslog_writer_.load();
    writer != nullptr ? hand_on(*writer, event.level, std::move(marked)) : write_to_syslog(marked);
  }
  if (to.on_stderr == Form::kNone) return;
  if (to.on_stderr == Form::kJson) text = json_line(event);
  if (is_journal_) text = with_priority(event.level, text);
  LineWriter* const writer = stderr_writer_.load();
  writer != nullptr ? hand_on(*writer, event.level, std::move(text)) : write_at_once(text);
}

}  // namespace runtime::log
