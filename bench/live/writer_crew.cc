#include "bench/live/writer_crew.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"

namespace bench::live {

WriterCrew::WriterCrew(WriterPlan plan, Listener& listener)
    : plan_(std::move(plan)), listener_(listener) {}

runtime::Result<void> WriterCrew::connect() {
  for (std::int64_t i = 0; i < plan_.writers; ++i) {
    TRY(writers_.emplace_back(i, plan_, log_).connect());
  }
  return {};
}

void WriterCrew::start(const Schedule& schedule, std::optional<WallNanos> end) {
  plan_.schedule = schedule;
  plan_.end = end;
  running_.add(plan_.writers);
  for (Writer& writer : writers_) {
    threads_.emplace_back(runtime::format("writer-{}", threads_.size()),
                          [this, &writer](memctx::Context&) {
                            writer.run();
                            if (running_.add(-1) == 0) listener_.on_written();
                          });
  }
}

void WriterCrew::stop() {
  for (Writer& writer : writers_) writer.stop();
}

void WriterCrew::abort() {
  for (Writer& writer : writers_) writer.abort();
}

std::vector<pid_t> WriterCrew::backend_pids() const {
  std::vector<pid_t> pids;
  for (const Writer& writer : writers_) pids.push_back(writer.backend_pid());
  return pids;
}

std::uint64_t WriterCrew::written() const {
  std::uint64_t written = 0;
  for (const Writer& writer : writers_) written += writer.written();
  return written;
}

server::wal::Lsn WriterCrew::position() const {
  server::wal::Lsn position;
  for (const Writer& writer : writers_) position = std::max(position, writer.position());
  return position;
}

WriterCrew::Answers WriterCrew::answers() const {
  Answers answers;
  for (const Writer& writer : writers_) {
    answers.delays.add(writer.answers());
    for (const auto& [window, commits] : writer.answered()) answers.by_window[window] += commits;
    answers.last = std::max(answers.last, writer.last_answer());
  }
  return answers;
}

std::optional<runtime::Error> WriterCrew::failure() const {
  for (const Writer& writer : writers_) {
    if (writer.failure().has_value()) return writer.failure();
  }
  return std::nullopt;
}

}  // namespace bench::live
