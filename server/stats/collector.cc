#include "server/stats/collector.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "server/stats/sync_states.h"
#include "server/stats/threads.h"

namespace server::stats {

using runtime::Instant;
using runtime::Lock;

namespace {

// The time between two looks for a stop while loops are waited for.
constexpr runtime::Duration kStopLook = std::chrono::milliseconds(20);

}  // namespace

// The answers of loops to one question. A loop that is too late for one finds nothing that waits.
struct Collector::Gathering {
  runtime::Mutex mutex;
  runtime::Condition answered;
  std::vector<std::optional<LoopStatus>> answers GUARDED_BY(mutex);  // by the loop's number
  std::size_t missing GUARDED_BY(mutex) = 0;
  bool given_up GUARDED_BY(mutex) = false;
};

void Collector::start() {
  thread_ = std::make_unique<runtime::NamedThread>("stats", [this](memctx::Context&) { run(); });
}

void Collector::stop() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    takers_.clear();
    asked_.notify_all();
    published_.notify_all();
  }
  thread_.reset();
}

SnapshotRef Collector::latest() const {
  const Lock lock(mutex_);
  return latest_;
}

SnapshotRef Collector::wait_for(runtime::Duration max_age, Instant deadline) {
  const Instant oldest = clock_.now() - max_age;
  const Lock lock(mutex_);
  while (!stopping_) {
    if (latest_ != nullptr && latest_->taken >= oldest) return latest_;
    wanted_ = true;
    asked_.notify_one();
    if (!published_.wait_until(mutex_, deadline) && clock_.now() >= deadline) return nullptr;
  }
  return nullptr;
}

SnapshotRef Collector::wait_for(Freshness freshness, Instant deadline) {
  if (freshness == Freshness::kAllNew) {
    const Lock lock(mutex_);
    all_new_wanted_ = true;
  }
  return wait_for(runtime::Duration::zero(), deadline);
}

// A snapshot that is being made was begun before the call, perhaps, so the taker waits for the next
// one: run() takes the takers along when it begins.
void Collector::request(Freshness freshness, Taker take) {
  const Lock lock(mutex_);
  if (stopping_) return;
  takers_.push_back(std::move(take));
  if (freshness == Freshness::kAllNew) all_new_wanted_ = true;
  wanted_ = true;
  asked_.notify_one();
}

std::uint64_t Collector::bytes_sent() const {
  std::uint64_t bytes = 0;
  for (const Answerer* answerer : answerers_) bytes += answerer->bytes_sent();
  return bytes;
}

void Collector::run() {
  while (await_question()) {
    bool all_new = false;
    std::vector<Taker> takers;
    {
      const Lock lock(mutex_);
      wanted_ = false;
      all_new = std::exchange(all_new_wanted_, false);
      takers = std::exchange(takers_, {});
    }
    last_ = collect(all_new);
    {
      const Lock lock(mutex_);
      if (stopping_) return;
      latest_ = last_;
      published_.notify_all();
    }
    for (const Taker& take : takers) take(last_);
  }
}

// Returns false when the server stops.
bool Collector::await_question() {
  const Lock lock(mutex_);
  while (!stopping_ && !wanted_) asked_.wait(mutex_);
  const Instant earliest = last_ == nullptr ? Instant() : last_->taken + kIntervalMin;
  while (!stopping_ && clock_.now() < earliest) asked_.wait_until(mutex_, earliest);
  return !stopping_;
}

SnapshotRef Collector::collect(bool all_new) {
  const Instant now = clock_.now();
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = now;
  snapshot->taken_wall = clock_.wall_now();
  const LoopQuestion question{.stages = all_new || now - stages_taken_ >= kStagesAgeMax,
                              .memory = all_new || now - memory_taken_ >= kMemoryAgeMax};
  const auto gathering = ask_loops(question);
  facts_.add_to(*snapshot, all_new);
  std::vector<LoopStatus> loops = take_answers(*gathering);
  snapshot->loops_silent = answerers_.size() - loops.size();
  add_threads(all_new, *snapshot);
  add_loops(std::move(loops), question, *snapshot);
  add_rates(*snapshot);
  return snapshot;
}

std::shared_ptr<Collector::Gathering> Collector::ask_loops(LoopQuestion question) {
  auto gathering = std::make_shared<Gathering>();
  {
    const Lock lock(gathering->mutex);
    gathering->answers.resize(answerers_.size());
    gathering->missing = answerers_.size();
  }
  for (std::size_t i = 0; i < answerers_.size(); ++i) {
    answerers_[i]->post_status(question, [gathering, i](LoopStatus status) {
      const Lock lock(gathering->mutex);
      if (gathering->given_up) return;
      gathering->answers[i] = std::move(status);
      if (--gathering->missing == 0) gathering->answered.notify_one();
    });
  }
  return gathering;
}

// Waits for the loops, which answer at once unless one hangs. The mutex of the collector is looked
// at too, so that a stop ends the wait.
std::vector<LoopStatus> Collector::take_answers(Gathering& gathering) {
  const Instant deadline = clock_.now() + kAnswerTimeMax;
  const auto stopping = [this] {
    const Lock lock(mutex_);
    return stopping_;
  };
  std::vector<LoopStatus> loops;
  const Lock lock(gathering.mutex);
  while (gathering.missing > 0 && clock_.now() < deadline && !stopping()) {
    gathering.answered.wait_until(gathering.mutex, std::min(deadline, clock_.now() + kStopLook));
  }
  gathering.given_up = true;
  for (auto& answer : gathering.answers) {
    if (answer.has_value()) loops.push_back(std::move(*answer));
  }
  return loops;
}

// Histograms of some loops only would go back, where the others had counted before: then those that
// were published last stay.
void Collector::add_loops(std::vector<LoopStatus> loops, LoopQuestion question,
                          Snapshot& snapshot) {
  auto stages = std::make_shared<stream::StageSnapshot>();
  LimitStatus memory{.name = "client_memory"};
  for (LoopStatus& loop : loops) {
    const auto session_count = static_cast<std::int64_t>(loop.sessions.size());
    std::move(loop.sessions.begin(), loop.sessions.end(), std::back_inserter(snapshot.sessions));
    std::move(loop.memory.begin(), loop.memory.end(), std::back_inserter(snapshot.memory));
    if (loop.stages != nullptr) stages->add(*loop.stages);
    memory.used += loop.client_memory_used;
    memory.max += loop.client_memory_max;
    for (ThreadStatus& thread : snapshot.threads) {
      if (thread.name != loop.name) continue;
      thread.is_loop = true;
      thread.sessions = session_count;
    }
  }
  std::sort(snapshot.sessions.begin(), snapshot.sessions.end(),
            [](const auto& a, const auto& b) { return a.process_id < b.process_id; });
  choose_first(facts_.sync_standbys(), snapshot.sessions);
  snapshot.limits.push_back(memory);
  const bool is_whole = snapshot.loops_silent == 0 || last_ == nullptr;
  snapshot.stages = question.stages && is_whole ? std::move(stages) : last_->stages;
  if (question.stages) stages_taken_ = snapshot.taken;
  if (!question.memory) snapshot.memory = last_->memory;
  if (question.memory) memory_taken_ = snapshot.taken;
}

void Collector::add_threads(bool all_new, Snapshot& snapshot) {
  if (!all_new && last_ != nullptr && snapshot.taken - threads_taken_ < kThreadsAgeMax) {
    snapshot.threads = last_->threads;
    return;
  }
  threads_taken_ = snapshot.taken;
  snapshot.threads = list_threads();
}

void Collector::add_rates(Snapshot& snapshot) {
  snapshot.bytes_sent = bytes_sent();
  rates_.rate(snapshot.sessions, snapshot.taken);
  rates_.note_end(snapshot.end, snapshot.taken);
  SpoolStatus& spool = snapshot.spool;
  spool.bytes_per_second = rates_.wal_rate();
  if (!spool.grows || !spool.bytes_per_second.has_value()) return;
  const std::uint64_t room = spool.free_bytes - std::min(spool.free_bytes, spool.min_free_bytes);
  spool.lasts = time_to_fill(room, *spool.bytes_per_second);
}

}  // namespace server::stats
