#include "server/source/synthetic.h"

#include <algorithm>
#include <random>
#include <utility>

#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/wal/inventory.h"

namespace server::source {

using runtime::Result;
using wal::Lsn;

namespace {

// As initdb makes it: different for every new cluster.
std::uint64_t new_system_identifier() {
  std::random_device random;
  const std::uint64_t high = random() >> 1;
  return (high << 32) | random();
}

}  // namespace

// Keeps the files of the WAL that the reader has not proven yet.
class SyntheticSource::Unproven final : public wal::Holder {
 public:
  Unproven(wal::Holds& holds, const wal::WalTail& tail) : holds_(holds), tail_(tail) {
    holds_.add(*this);
  }
  ~Unproven() override { holds_.remove(*this); }

  std::vector<wal::Hold> holds() const override {
    return {{.who = "spool",
             .why = "WAL is not proven from here on",
             .from = tail_.position(),
             .since = {}}};
  }
  void settle() override {}
  void release_before(Lsn /*oldest*/) override {}

 private:
  wal::Holds& holds_;
  const wal::WalTail& tail_;
};

SyntheticSource::~SyntheticSource() { stop(); }

SyntheticSource::SyntheticSource(Options options, const runtime::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      spool_({.directory = options_.directory,
              .writer = wal::SpoolWriter::kGenerator,
              .adopt = options_.adopt}),
      files_(options_.directory, clock, {.files = DirectorySource::Files::kKeepTheirBytes}),
      loop_(clock, {}),
      timer_(loop_.timers(), *this),
      alarm_(loop_, clock, *this) {}

Result<void> SyntheticSource::open() {
  loop_.assert_in_thread();
  if (!options_.trace.file.empty()) replay_ = TRY(TraceReplay::open(options_.trace));
  TRY(spool_.open());
  const wal::GeneratorOptions options = TRY(generator_options());
  TRY(spool_.claim(options.identity.system_identifier));
  generator_ = TRY(wal::Generator::open(options));
  // A first record, so that there is WAL to tell the identity from.
  TRY(generator_->append_bytes(1));
  return files_.open();
}

// A spool that was left goes on where its WAL ends.
Result<wal::GeneratorOptions> SyntheticSource::generator_options() const {
  wal::GeneratorOptions options{.directory = options_.directory, .records = options_.records};
  auto inventory = wal::take_inventory(options_.directory);
  if (!inventory) {
    if (inventory.error().kind != &wal::kNoWal) return std::move(inventory).error();
    options.identity.system_identifier = new_system_identifier();
    options.identity.segment_size = options_.segment_size;
    return options;
  }
  const auto end = TRY(wal::find_end_of_wal(options_.directory, *inventory));
  options.identity = inventory->identity;
  options.timeline = inventory->history.tip();
  options.start = end.end;
  options.previous_record = end.last_record;
  return options;
}

Result<void> SyntheticSource::start(wal::WalTail& tail, wal::FaultLog& faults, Listener& listener) {
  loop_.assert_in_thread();
  TRY(files_.start(tail, faults, listener));
  tail_ = &tail;
  listener_ = &listener;
  unproven_ = std::make_unique<Unproven>(*options_.retention.holds, tail);
  retention_.emplace(options_.retention, identity().segment_size);
  started_ = clock_.now();
  started_at_ = generator_->end();
  timer_.arm(started_);
  thread_ = std::make_unique<runtime::NamedThread>("generator",
                                                   [this](memctx::Context&) { loop_.run(); });
  return {};
}

void SyntheticSource::stop() {
  if (thread_ != nullptr) {
    loop_.stop();
    thread_->join();
    thread_.reset();
  }
  files_.stop();
}

void SyntheticSource::log_memory_contexts() {
  files_.log_memory_contexts();
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void SyntheticSource::on_timer(runtime::Timer& /*timer*/) { make_wal(); }

void SyntheticSource::on_alarm() { make_wal(); }

void SyntheticSource::make_wal() {
  loop_.assert_in_thread();
  const auto written = replay_ != nullptr ? write_due_of_trace() : write_due();
  if (!written) listener_->on_source_failed(written.error());
}

Result<void> SyntheticSource::write_due() {
  const std::chrono::duration<double> elapsed = clock_.now() - started_;
  const auto due =
      static_cast<std::uint64_t>(elapsed.count() * static_cast<double>(options_.bytes_per_second));
  TRY(generator_->append_until(std::min(started_at_ + due, end_max())));
  TRY(remove_old());
  timer_.arm(loop_.now() + kTick);
  return {};
}

// Each message by a write of its own, so that a reader that keeps up finds it alone.
Result<void> SyntheticSource::write_due_of_trace() {
  const runtime::Duration elapsed = clock_.now() - started_;
  const Lsn end_max = this->end_max();
  const auto& step = replay_->step();
  bool held_up = false;
  for (int i = 0; i < kStepsPerTurn && !held_up && step.has_value() && step->due <= elapsed; ++i) {
    const Lsn target = started_at_ + step->bytes_end;
    TRY(generator_->append_up_to(std::min(target, end_max)));
    held_up = target > end_max;
    if (!held_up) TRY(replay_->advance());
  }
  TRY(remove_old());
  if (held_up) {
    timer_.arm(loop_.now() + kTick);
  } else if (step.has_value()) {
    alarm_.arm(started_ + step->due);
  } else {
    runtime::log::log("trace file \"{}\" has ended; no more WAL is made", options_.trace.file);
  }
  return {};
}

// A reader that cannot follow sets the pace: what it has not proven must not have to go.
Lsn SyntheticSource::end_max() const {
  const std::uint64_t ahead_max =
      std::max<std::uint64_t>(options_.retention.wal_keep_bytes, identity().segment_size.bytes());
  return tail_->position() + ahead_max;
}

Result<void> SyntheticSource::remove_old() {
  const wal::SegmentSize size = identity().segment_size;
  const Lsn end = generator_->end();
  if (std::exchange(filled_, size.segment_of(end)) == size.segment_of(end)) return {};
  TRY(generator_->remove_before(size.start(retention_->keep_from(end))));
  return {};
}

}  // namespace server::source
