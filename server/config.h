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
#include "server/settings/settings.h"
#include "server/source/quorum.h"
#include "server/wal/branch.h"
#include "server/wal/generator.h"
#include "server/wal/lsn.h"

namespace server {

// The options that a SIGHUP may change while the server runs: each of them is a
// SettingContext::kSighup, and no other is.
struct ReloadableConfig {
  std::int64_t max_wal_senders = 0;
  runtime::Duration wal_sender_timeout{};
  runtime::Duration authentication_timeout{};
  runtime::Duration shutdown_timeout{};
  runtime::Duration idle_session_timeout{};
  runtime::TcpTimeouts tcp;
  runtime::log::Level log_level = runtime::log::Level::kLog;
};

// The options of `walcast serve`; every limit of the server that an operator may set is here.
struct ServeConfig {
  std::vector<std::string> command_line;  // without the program's name
  std::string wal_directory;
  wal::TimelineTarget recovery_target_timeline;  // of a directory without a primary
  std::uint64_t synthetic_rate = 0;              // bytes per second; 0: WAL is not made
  std::string spool_directory;
  std::string state_directory;   // empty: there is none
  std::string primary_conninfo;  // empty: there is no primary to receive from
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

  std::vector<std::string> listen_addresses;
  std::uint16_t port = 0;
  std::size_t workers = 0;
  std::size_t acceptors = 0;
  int io_threads = 0;

  ReloadableConfig reloadable;
  std::size_t max_replication_slots = 0;
  std::uint32_t copy_threshold = 0;  // bytes of WAL up to which a message is copied

  runtime::Duration standby_table{};  // the interval at which it is printed; 0: never
  runtime::Duration run_for{};        // 0: until a signal

  // Every option by its name in a configuration file, as SHOW answers it.
  settings::Settings settings;
};

// What the command line says: one of these subcommands, or an exit code because there is nothing
// left to do (help was asked for, or the command line is wrong and the log has the reason).
struct CommandLine {
  enum class Verb { kServe, kGenerate, kExit };
  Verb verb = Verb::kExit;
  int exit_code = 0;
  ServeConfig serve;
  wal::GenerateOptions generate;
};

// Parses flags, and the file that --config names, from one definition of each option.
CommandLine parse_command_line(int argc, const char* const* argv);

// The same command line, with the file as it is at this time. The error says what is wrong with it.
runtime::Result<ServeConfig> read_again(const ServeConfig& config);

}  // namespace server
