#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/result.h"
#include "runtime/tcp_timeouts.h"
#include "server/admin/primary_roles.h"
#include "server/auth/access_policy.h"
#include "server/config/http_options.h"
#include "server/config/limit_options.h"
#include "server/config/log_options.h"
#include "server/config/process_options.h"
#include "server/config/tls_options.h"
#include "server/settings/settings.h"
#include "server/source/quorum.h"
#include "server/source/trace_replay.h"
#include "server/stream/send_delay.h"
#include "server/wal/branch.h"
#include "server/wal/generator.h"
#include "server/wal/lsn.h"

namespace server::config {

// The options that a SIGHUP may change while the server runs: each of them is a
// SettingContext::kSighup, and no other is.
struct ReloadableConfig {
  std::int64_t max_wal_senders = 0;
  runtime::Duration wal_sender_timeout{};
  runtime::Duration authentication_timeout{};
  runtime::Duration shutdown_timeout{};
  runtime::Duration idle_session_timeout{};
  bool slot_owner_check = true;
  ClientLimits limits;
  int http_metrics_standbys = 0;
  stream::SendDelay send_delay;
  runtime::TcpTimeouts tcp;
  TlsConfig tls;
  runtime::log::Level log_level = runtime::log::Level::kLog;
  LogConfig log;
  admin::RoleQueryOptions roles;

  auth::ServerSsl server_ssl() const {
    return {.is_on = tls.on, .has_authorities = !tls.files.ca_file.empty()};
  }
};

// The options of `walcast serve`; every limit of the server that an operator may set is here.
struct ServeConfig {
  std::vector<std::string> words;  // of the command line, behind `serve`
  std::string config_file;         // empty: there is none
  bool check = false;              // only look whether the server could run, and say what is wrong
  std::string wal_directory;
  wal::TimelineTarget recovery_target_timeline;  // of a directory without a primary
  std::uint64_t synthetic_rate = 0;              // bytes per second; 0: not at a steady rate
  source::TraceReplay::Options synthetic_trace;  // without a file: in no rhythm
  std::string spool_directory;
  bool adopt_spool = false;           // which has WAL and no mark
  bool archive_is_immutable = false;  // wal_directory
  std::string state_directory;        // empty: there is none
  std::string primary_conninfo;       // empty: there is no primary to receive from
  std::string primary_slot_name;
  bool create_primary_slot = false;
  source::AckPolicy upstream_ack;
  bool hot_standby_feedback = true;
  runtime::Duration max_feedback_age{};
  runtime::Duration wal_receiver_timeout{};
  runtime::Duration wal_receiver_status_interval{};
  runtime::Duration wal_retrieve_retry_interval{};
  wal::SegmentSize wal_segment_size;
  std::uint64_t wal_keep_size = 0;
  std::optional<std::uint64_t> max_slot_wal_keep_size;  // none: no limit
  std::uint64_t min_free_space = 0;
  wal::RecordMix records;

  std::vector<std::string> listen_addresses;  // empty: no TCP
  std::vector<std::string> unix_socket_directories;
  unsigned unix_socket_permissions = 0;
  std::string unix_socket_group;
  auth::AccessFiles access_files;
  std::uint16_t port = 0;
  std::size_t workers = 0;
  std::size_t acceptors = 0;
  int io_threads = 0;

  HttpConfig http;
  ProcessConfig process;
  ReloadableConfig reloadable;
  std::size_t max_replication_slots = 0;
  std::size_t client_memory = 0;     // bytes, of each worker
  std::uint32_t copy_threshold = 0;  // bytes of WAL up to which a message is copied

  runtime::Duration standby_table{};  // the interval at which it is printed; 0: never
  bool latency_report = false;        // is printed at the end
  runtime::Duration run_for{};        // 0: until a signal

  // Every option by its name in a configuration file, as SHOW answers it.
  settings::Settings settings;
};

// What the words behind `serve`, and the file that --config names, say.
struct ConfigReading {
  ServeConfig config;
  // What is wrong. If there is nothing, the configuration may be used.
  std::vector<runtime::Error> errors;
  // The errors are of the file, and not of the command line.
  bool in_file = false;
  std::vector<std::string> skipped_files;  // that may be missing, and are
  std::string help;                        // asked for with --help; nothing else is meant then
};

// An option that stands more than once has its last value; a flag is stronger than the file.
ConfigReading read_config(const std::vector<std::string>& words);

}  // namespace server::config
