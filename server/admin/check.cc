#include "server/admin/check.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/published.h"
#include "server/admin/access_files.h"
#include "server/admin/certificates.h"
#include "server/admin/preflight.h"
#include "server/slot/errors.h"
#include "server/slot/slot_file.h"
#include "server/source/conninfo.h"
#include "server/source/errors.h"
#include "server/source/host_round.h"
#include "server/source/receiver.h"
#include "server/source/upstream.h"
#include "server/wal/control_file.h"
#include "server/wal/data_directory.h"
#include "server/wal/inventory.h"
#include "server/wal/spool.h"

namespace server::admin {

using runtime::format;
using runtime::Result;
using runtime::log::Level;

namespace {

// One line for each finding, whatever line breaks libpq's texts have.
void say(std::string_view label, const runtime::Error& error) {
  std::string line = format("{}: {}", label, error.what);
  if (!error.detail.empty()) line += " DETAIL: " + error.detail;
  if (!error.hint.empty()) line += " HINT: " + error.hint;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::printf("%s\n", line.c_str());
}

// The time that a host has for its answer, if conninfo does not say.
constexpr runtime::Duration kHostTimeout = std::chrono::seconds(10);

// Where a directory is, or will be made. A slash at the end of its path changes nothing.
std::string parent_of(const std::string& directory) {
  std::filesystem::path path = directory;
  if (!path.has_filename()) path = path.parent_path();
  return path.has_parent_path() ? path.parent_path() : ".";
}

// One look at everything, from top to bottom; what depends on something that has failed is left
// out.
//   Owner: check().  Thread: main's.  Borrows: the options.
class Check {
 public:
  explicit Check(const CheckOptions& options) : options_(options) {}

  int run();

 private:
  void ok(std::string what) { say("OK", {.kind = nullptr, .what = std::move(what)}); }
  void warn(const runtime::Error& error) { say("WARNING", error); }
  void fail(const runtime::Error& error);
  void say_all(const Findings& findings);

  void look_at_spool();
  void look_at_place_for_spool();
  void look_at_writable(std::string_view name, const std::string& directory);
  void look_at_state_directory();
  void look_at_slots();
  void look_at_wal();
  Result<wal::Inventory> take_inventory() const;
  void look_at_end(const wal::Inventory& inventory, const std::string& directory);
  void look_at_data_directory(const wal::Identity& identity);
  void look_at_spool_room(wal::SegmentSize segment_size);
  void look_at_addresses();
  void look_at_doors();
  void look_at_tls();
  void look_at_roles();
  void look_at_primary();
  Result<source::PrimaryInfo> ask_primary(source::Upstream& upstream);
  Result<void> ask_for_slot(source::Upstream& upstream);
  Result<void> compare_timelines(source::Upstream& upstream, const source::PrimaryInfo& primary);

  const CheckOptions& options_;
  bool failed_ = false;
  bool runs_ = false;                // a server has the spool
  std::optional<wal::Spool> spool_;  // which a start would go on with
  std::optional<wal::Inventory> inventory_;
  std::optional<std::uint64_t> cluster_;  // whose WAL it is; none: not known, or it is synthetic
  std::optional<wal::EndOfWal> end_;
};

void Check::fail(const runtime::Error& error) {
  failed_ = true;
  say("ERROR", error);
}

void Check::say_all(const Findings& findings) {
  for (const Finding& finding : findings) {
    finding.level == Level::kError ? fail(finding.error) : warn(finding.error);
  }
}

int Check::run() {
  ok("the options are valid");
  say_all(look_at_wal_directory(options_.wal_directory));
  if (!options_.spool_directory.empty()) look_at_spool();
  if (!options_.state_directory.empty()) look_at_state_directory();
  look_at_wal();
  look_at_addresses();
  if (!options_.access_files.hba.empty()) look_at_doors();
  if (options_.tls) look_at_tls();
  if (!options_.primary_conninfo.empty()) look_at_primary();
  if (options_.roles.is_on()) look_at_roles();
  std::fflush(stdout);
  return failed_ ? 1 : 0;
}

// A start makes the last part of the path, and no more.
void Check::look_at_spool() {
  if (::access(options_.spool_directory.c_str(), F_OK) != 0 && errno == ENOENT) {
    return look_at_place_for_spool();
  }
  const auto locked = runtime::is_locked(options_.spool_directory);
  runs_ = locked && *locked;
  if (runs_) {
    warn({.kind = &runtime::kLockFileExists,
          .what = format("directory \"{}\" is already in use", options_.spool_directory),
          .hint = "Is another server running with this directory?"});
  }
  look_at_writable("spool", options_.spool_directory);
  const auto writer = options_.primary_conninfo.empty() ? wal::SpoolWriter::kGenerator
                                                        : wal::SpoolWriter::kReceiver;
  spool_.emplace(wal::Spool::Options{
      .directory = options_.spool_directory, .writer = writer, .adopt = options_.adopt_spool});
  if (const auto refusal = spool_->look(); !refusal) {
    spool_.reset();
    fail(refusal.error());
  }
}

void Check::look_at_place_for_spool() {
  const std::string& spool = options_.spool_directory;
  if (::access(parent_of(spool).c_str(), W_OK | X_OK) != 0) {
    return fail(runtime::system_error(errno, format("could not create directory \"{}\"", spool)));
  }
  ok(format("spool directory \"{}\" will be created", spool));
}

void Check::look_at_writable(std::string_view name, const std::string& directory) {
  const auto names = runtime::list_directory(directory);
  if (!names) return fail(names.error());
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return fail(
        runtime::system_error(errno, format("could not write to directory \"{}\"", directory)));
  }
  ok(format("{} directory \"{}\" can be read and written", name, directory));
}

void Check::look_at_state_directory() {
  const std::string& directory = options_.state_directory;
  if (directory != options_.spool_directory) {
    if (const auto own = wal::check_not_postgres(directory); !own) fail(own.error());
    look_at_writable("state", directory);
  }
  look_at_slots();
}

// A server with more slots than it may have does not start (slot.c, RestoreSlotFromDisk), nor one
// that cannot read a state. A state that cannot be trusted is set aside by a start.
void Check::look_at_slots() {
  const auto found = slot::look_at_states(options_.state_directory + "/pg_replslot");
  if (!found) return fail(found.error());
  for (runtime::Error error : found->errors) {
    if (error.kind != &slot::kDataCorrupted) {
      fail(error);
      continue;
    }
    error.hint = "A start loses the slot, which then keeps no WAL. Restore the file before it.";
    warn(error);
  }
  if (found->readable <= options_.max_replication_slots) {
    return ok(format("there are {} replication slots", found->readable));
  }
  fail({.kind = &runtime::kNoResources,
        .what = format("there are {} replication slots, and max_replication_slots is {}",
                       found->readable, options_.max_replication_slots),
        .hint = "Increase max_replication_slots."});
}

// As the source that would run takes it.
Result<wal::Inventory> Check::take_inventory() const {
  if (options_.wal_directory.empty()) {
    return spool_ ? spool_->inspect().inventory : wal::take_inventory(options_.spool_directory);
  }
  if (!options_.primary_conninfo.empty()) return wal::take_inventory(options_.wal_directory);
  return wal::take_inventory(options_.wal_directory, options_.recovery_target_timeline);
}

void Check::look_at_wal() {
  const bool own = options_.wal_directory.empty();
  const std::string& directory = own ? options_.spool_directory : options_.wal_directory;
  auto inventory = take_inventory();
  if (!inventory) {
    const runtime::ErrorKind* const kind = inventory.error().kind;
    const bool fresh = own && (kind == &wal::kNoWal || kind == &runtime::kFileMissing);
    if (!fresh) return fail(inventory.error());
    const auto lost = spool_ ? spool_->check_empty() : Result<void>();
    return lost ? ok(format("directory \"{}\" has no WAL yet", directory)) : fail(lost.error());
  }
  for (const std::string& warning : inventory->warnings) {
    warn({.kind = nullptr, .what = warning});
  }
  look_at_end(*inventory, directory);
  if (!own) look_at_data_directory(inventory->identity);
  look_at_spool_room(inventory->identity.segment_size);
  if (!own || !options_.primary_conninfo.empty()) cluster_ = inventory->identity.system_identifier;
  inventory_ = std::move(*inventory);
}

// Of a spool, a start refuses WAL of another system than that of the mark, and less WAL than the
// mark says. Of a directory, WAL behind a fork that is known is not served.
void Check::look_at_end(const wal::Inventory& inventory, const std::string& directory) {
  const wal::Identity& identity = inventory.identity;
  auto end = wal::find_end_of_wal(directory, inventory);
  if (!end) return fail(end.error());
  end->end = std::min(end->end, inventory.end_max);
  ok(format("directory \"{}\" has WAL of system {} on timeline {} from {} to {}", directory,
            identity.system_identifier, wal::value(inventory.history.tip()),
            identity.segment_size.start(inventory.oldest), end->end));
  if (end->stopped_by.has_value()) {
    warn({.kind = nullptr,
          .what = format("invalid WAL at {}: {}", end->stopped_by->lsn, end->stopped_by->what)});
  }
  if (spool_) {
    const auto accepted = spool_->check_end(inventory, *end);
    if (!accepted) return fail(accepted.error());
  }
  end_ = std::move(*end);
}

// What the data directory tells that the WAL lies in, if it lies in one.
void Check::look_at_data_directory(const wal::Identity& identity) {
  const auto directory = wal::find_data_directory(options_.wal_directory);
  if (!directory) return;
  const auto facts = wal::read_control_file(*directory, identity);
  if (facts) return ok(format("data directory \"{}\" tells of the cluster", *directory));
  warn(facts.error());
}

// Only a relay leaves so much of its file system free.
void Check::look_at_spool_room(wal::SegmentSize segment_size) {
  if (options_.primary_conninfo.empty() || options_.spool_directory.empty()) return;
  const std::string& spool = options_.spool_directory;
  const bool is_there = ::access(spool.c_str(), F_OK) == 0;
  say_all(look_at_room(is_there ? spool : parent_of(spool), options_.min_free_space, segment_size));
}

// A server that runs with this spool has its port.
void Check::look_at_addresses() {
  const auto address = options_.find_address();
  if (address) return ok(format("address {} is free", *address));
  runs_ ? warn(address.error()) : fail(address.error());
}

void Check::look_at_doors() {
  const Findings findings = look_at_access(options_.access_files, options_.roles.is_on());
  if (findings.empty()) return ok(format("file \"{}\" is valid", options_.access_files.hba));
  say_all(findings);
}

void Check::look_at_tls() {
  const Findings findings = look_at_certificates(*options_.tls);
  if (!findings.empty()) return say_all(findings);
  ok(format("file \"{}\" has a certificate, and file \"{}\" its private key",
            options_.tls->certificate_file, options_.tls->private_key_file));
  ok(format("kernel TLS is {}available", runtime::has_kernel_tls() ? "" : "not "));
}

// By a role that is there, if the query is as whom it says; that there is none is no error.
void Check::look_at_roles() {
  const runtime::SystemClock clock;
  runtime::Doorbell doorbell;
  const runtime::Published<bool> stop;
  PrimaryRoles roles(options_.roles, options_.primary_conninfo, cluster_, clock, doorbell, stop);
  const std::string name = options_.roles.user.empty() ? "postgres" : options_.roles.user;
  const auto role = roles.fetch(name);
  if (!role) {
    runtime::Error error = role.error();
    error.what = "could not ask the primary for roles: " + error.what;
    return fail(error);
  }
  ok(format("the primary ({}) answers questions for roles; \"{}\" is {}", roles.server(), name,
            role->has_value() ? "one" : "none"));
}

void Check::look_at_primary() {
  const runtime::SystemClock clock;
  runtime::Doorbell doorbell;
  const runtime::Published<bool> stop;
  source::Upstream upstream(
      {.conninfo = options_.primary_conninfo, .timeout = options_.wal_receiver_timeout}, clock,
      doorbell, stop);
  const auto primary = ask_primary(upstream);
  if (!primary) return fail(primary.error());
  if (!cluster_) cluster_ = primary->identity.system_identifier;
  ok(format("the primary ({}) is system {} on timeline {}, and its WAL ends at {}",
            upstream.server(), primary->identity.system_identifier, wal::value(primary->timeline),
            primary->end));
  if (!inventory_) look_at_spool_room(primary->identity.segment_size);
  if (auto slot = ask_for_slot(upstream); !slot) fail(slot.error());
  if (auto same = compare_timelines(upstream, *primary); !same) fail(same.error());
}

// The first host that answers, as a receiver would find it.
Result<source::PrimaryInfo> Check::ask_primary(source::Upstream& upstream) {
  source::HostRound round(TRY(source::read_conninfo(options_.primary_conninfo)));
  const runtime::Duration at_most = round.conninfo().host_timeout.value_or(kHostTimeout);
  const auto look_up = [&](const source::Host& host) -> Result<std::vector<source::Host>> {
    auto addresses = upstream.addresses_of(host, at_most);
    if (addresses) return addresses;
    round.note_failure(addresses.error().what);
    return std::vector<source::Host>();
  };
  const auto ask = [&](const source::HostRound::Attempt& attempt) -> Result<source::PrimaryInfo> {
    TRY(upstream.connect(round.conninfo(), attempt, at_most));
    round.note_answer();
    return upstream.identify();
  };
  for (;;) {
    const auto attempt = TRY(round.next(look_up));
    if (!attempt) {
      return runtime::Error{.kind = &source::kUpstreamLost, .what = round.failures()};
    }
    auto primary = ask(*attempt);
    if (primary) return primary;
    round.note_failure(primary.error().what);
    upstream.disconnect();
  }
}

// Only servers from PostgreSQL 15 on tell of a slot.
Result<void> Check::ask_for_slot(source::Upstream& upstream) {
  const std::string& name = options_.primary_slot_name;
  if (name.empty()) return {};
  const auto restart_lsn = upstream.slot_restart_lsn(name);
  if (!restart_lsn && restart_lsn.error().kind == &source::kNoSlot) {
    if (!options_.create_primary_slot) return restart_lsn.error();
    ok(format("replication slot \"{}\" will be created on the primary", name));
  } else if (restart_lsn && restart_lsn->valid()) {
    ok(format("replication slot \"{}\" of the primary keeps WAL from {} on", name, *restart_lsn));
  } else if (restart_lsn) {
    warn({.kind = nullptr,
          .what = format("replication slot \"{}\" of the primary keeps no WAL", name)});
  }
  return {};
}

// As a relay does when it has connected.
Result<void> Check::compare_timelines(source::Upstream& upstream,
                                      const source::PrimaryInfo& primary) {
  if (!inventory_ || !end_) return {};
  const wal::TimelineHistory& ours = inventory_->history;
  TRY(source::check_primary(primary, inventory_->identity, ours.tip()));
  constexpr wal::TimelineId kFirst{1};  // it has no history
  if (primary.timeline != kFirst) {
    const std::string text = TRY(upstream.history_file(primary.timeline));
    const auto theirs = TRY(wal::TimelineHistory::parse(primary.timeline, text));
    TRY(source::check_fork(ours, end_->end, theirs));
  }
  ok("the primary's WAL continues the WAL that is here");
  return {};
}

}  // namespace

int check(const CheckOptions& options) { return Check(options).run(); }

int refuse_check(const std::vector<runtime::Error>& errors) {
  for (const runtime::Error& error : errors) say("ERROR", error);
  return 1;
}

}  // namespace server::admin
