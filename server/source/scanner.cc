#include "server/source/scanner.h"

#include <utility>

#include "runtime/memory_report.h"

namespace server::source {

void Scanner::start(const wal::Identity& identity) {
  survey_.set_identity(identity);
  thread_ =
      std::make_unique<runtime::NamedThread>("scan", [this](memctx::Context&) { loop_.run(); });
}

void Scanner::stop() {
  if (thread_ == nullptr) return;
  loop_.stop();
  thread_->join();
  thread_.reset();
}

void Scanner::scan() { surveys_.ask(); }

bool Scanner::scan_at_leisure() { return surveys_.ask_at_leisure(); }

void Scanner::look_for_lost_changes() { looks_for_lost_changes_.ask(); }

void Scanner::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void Scanner::Survey::run() {
  found_.emplace(wal::survey_timelines(directory_, identity_, served_));
}

void Scanner::Survey::end() { listener_.on_scanned(*std::exchange(found_, std::nullopt)); }

}  // namespace server::source
