#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "server/client/table.h"

namespace server::client {

enum class Order { kLag, kName, kRate, kState, kPid };

// By its name; none: there is no such order.
std::optional<Order> find_order(std::string_view name);
// Their names, for a person.
std::string top_orders();

// What `walcast top` shows of a server: the answers to its statements, the rates between two of
// them, and how the person who looks has them sorted and filtered.
//   Owner: the command.  Thread: its.
class TopModel {
 public:
  // The statements whose answers take() wants, in its order. A server that is older than the
  // command may refuse the last: its answer is empty then.
  static constexpr std::string_view kServer =
      "SELECT version() AS version, pg_last_wal_receive_lsn() AS end_lsn";
  static constexpr std::string_view kStandbys =
      "SELECT pid, application_name, client_addr, client_port, state, sent_lsn, write_lsn, "
      "flush_lsn, replay_lsn, write_lag, flush_lag, replay_lag, sync_state "
      "FROM pg_stat_replication";
  static constexpr std::string_view kUpstream = "SELECT * FROM walcast_upstream";
  static constexpr std::string_view kSpool = "SELECT * FROM walcast_spool";
  static constexpr std::string_view kLatency =
      "SELECT stage, deliveries, mean, p50, p99, p999, max FROM walcast_latency "
      "WHERE span = 'recent' AND deliveries > 0";
  struct Answers {
    Table server;
    Table standbys;
    Table upstream;
    Table spool;
    Table latency;
  };

  TopModel(Order order, std::string filter) : order_(order), filter_(std::move(filter)) {}

  void take(Answers answers, runtime::Instant now);
  // The server cannot be asked; what is shown is what it said last.
  void note_failure(std::string_view text) { failure_ = text; }

  void set_order(Order order);
  void reverse() { reversed_ = !reversed_; }
  void set_filter(std::string filter) { filter_ = std::move(filter); }
  const std::string& filter() const { return filter_; }

  // The screen, line by line, at most `height` of them; no character beyond `width`. 0: any.
  std::vector<std::string> lines(std::size_t width, std::size_t height) const;

 private:
  struct Standby {
    std::int64_t pid = 0;
    std::string name;
    std::string client;
    std::string state;
    std::string sync;
    std::uint64_t sent = 0;
    std::uint64_t lag_bytes = 0;
    std::string write_lag, flush_lag, replay_lag;
    double rate = 0;  // bytes per second
  };

  Standby standby_of(const Table& table, const Table::Row& row, double seconds) const;
  std::vector<const Standby*> shown() const;
  void add_header(std::vector<std::string>& lines) const;
  void add_latency(std::vector<std::string>& lines) const;

  Order order_;
  bool reversed_ = false;
  std::string filter_;
  std::string failure_;
  Answers answers_;
  std::uint64_t end_ = 0;  // of WAL
  double end_rate_ = 0;
  std::vector<Standby> standbys_;
  std::map<std::int64_t, std::uint64_t> sent_before_;  // by pid
  runtime::Instant taken_{};
};

}  // namespace server::client
