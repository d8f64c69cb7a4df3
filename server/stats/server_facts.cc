#include "server/stats/server_facts.h"

#include <utility>

#include "runtime/log.h"
#include "server/source/stream_facts.h"
#include "server/wal/format.h"

namespace server::stats {

namespace {

UpstreamState state_of(source::ReceiverState::Kind kind) {
  switch (kind) {
    case source::ReceiverState::Kind::kStreaming:
      return UpstreamState::kStreaming;
    case source::ReceiverState::Kind::kPaused:
      return UpstreamState::kPaused;
    case source::ReceiverState::Kind::kFailing:
      break;
  }
  return UpstreamState::kFailing;
}

}  // namespace

ServerFacts::ServerFacts(const Parts& parts, Options options)
    : parts_(parts),
      options_(std::move(options)),
      identity_(parts.source.identity()),
      start_time_(parts.clock.wall_now()),
      disk_({.directory = parts.source.directory(),
             .segment_size = identity_.segment_size,
             .min_free_bytes = options_.min_free_bytes,
             .grows = options_.spool_grows},
            parts.clock) {
  options_.slot_rules.segment_size = identity_.segment_size;
  const runtime::Lock lock(mutex_);
  told_.settings = std::make_shared<const settings::Settings>();
  told_.config_load_time = start_time_;
  told_.since = start_time_;
  if (options_.has_primary) told_.state = UpstreamState::kConnecting;
}

void ServerFacts::set_settings(std::shared_ptr<const settings::Settings> settings, bool is_reload) {
  const runtime::Lock lock(mutex_);
  told_.settings = std::move(settings);
  if (is_reload) told_.config_load_time = parts_.clock.wall_now();
}

void ServerFacts::set_receiver(const source::ReceiverState& state) {
  const runtime::Lock lock(mutex_);
  const UpstreamState fresh = state_of(state.kind);
  if (fresh != told_.state) told_.since = parts_.clock.wall_now();
  told_.state = fresh;
  told_.text = state.text;
}

void ServerFacts::set_ready() {
  const runtime::Lock lock(mutex_);
  told_.is_ready = true;
}

void ServerFacts::set_stopping() {
  const runtime::Lock lock(mutex_);
  told_.is_stopping = true;
}

void ServerFacts::add_to(Snapshot& snapshot, bool fresh) {
  Told told;
  {
    const runtime::Lock lock(mutex_);
    told = told_;
  }
  snapshot.settings = told.settings;
  snapshot.config_load_time = told.config_load_time;
  snapshot.is_ready = told.is_ready && !told.is_stopping;
  snapshot.is_stopping = told.is_stopping;
  snapshot.start_time = start_time_;
  snapshot.process_id = options_.process_id;
  snapshot.identity = identity_;
  snapshot.major_version = wal::major_version(identity_.page_magic).value_or(0);
  snapshot.end = parts_.tail.position();
  snapshot.timeline = parts_.tail.timeline();
  snapshot.spool = fresh ? disk_.look_now() : disk_.look();
  snapshot.limits = options_.limits(*told.settings);
  snapshot.log = runtime::log::recent().list();
  add_upstream(told, snapshot);
  add_slots(snapshot);
  add_holds(snapshot);
}

void ServerFacts::add_upstream(const Told& told, Snapshot& snapshot) const {
  UpstreamStatus& upstream = snapshot.upstream;
  upstream.state = told.state;
  if (!upstream.has_primary()) return;
  const source::StreamFacts facts = parts_.source.stream_facts();
  upstream.text = told.text;
  upstream.since = told.since;
  upstream.conninfo = facts.conninfo.empty() ? options_.conninfo : facts.conninfo;
  upstream.slot_name = options_.slot_name;
  upstream.host = facts.host;
  upstream.port = facts.port;
  upstream.start = facts.start;
  upstream.start_timeline = facts.start_timeline;
  upstream.written = facts.written;
  upstream.flushed = facts.flushed;
  upstream.timeline = snapshot.timeline;
  upstream.latest_end = facts.latest_end;
  upstream.latest_end_time = facts.latest_end_time;
  upstream.sent_time = facts.sent_time;
  upstream.receipt_time = facts.receipt_time;
}

void ServerFacts::add_slots(Snapshot& snapshot) const {
  for (const slot::SlotInfo& slot : parts_.slots.all()) {
    snapshot.slots.push_back(
        status_of(slot, options_.slot_rules, snapshot.spool.oldest, snapshot.end));
  }
}

void ServerFacts::add_holds(Snapshot& snapshot) const {
  const runtime::Instant now = parts_.clock.now();
  const runtime::WallMicros wall_now = parts_.clock.wall_now();
  for (wal::Hold& hold : parts_.holds.list()) {
    const auto held_for = std::chrono::duration_cast<std::chrono::microseconds>(now - hold.since);
    HoldStatus status{std::move(hold)};
    status.since_wall = wall_now - held_for.count();
    status.bytes = status.from < snapshot.end ? snapshot.end - status.from : 0;
    snapshot.holds.push_back(std::move(status));
  }
}

}  // namespace server::stats
