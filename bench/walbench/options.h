#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

// What the command line says; every limit of a run is here.
struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string application_name = "walbench";
  std::size_t standbys = 1;
  std::size_t threads = 0;  // 0 on the command line: one per processor, at most one per standby

  std::optional<server::wal::TimelineId> timeline;  // else the server's
  std::optional<server::wal::Lsn> start;            // else where the server's newest segment begins
  std::optional<server::wal::Lsn> until;
  std::optional<runtime::Duration> duration;  // from the first connect on
  std::string verify_directory;               // empty: WAL is dropped unseen
  std::string stamps;                         // not empty: the label of stamps to look for

  std::size_t slow_standbys = 0;  // the first ones
  std::uint64_t slow_bytes_per_second = 1 << 20;

  runtime::Duration status_interval = std::chrono::seconds(1);
  runtime::Duration login_timeout = std::chrono::seconds(60);
  // As wal_receiver_timeout: half of it without input asks for a reply, all of it is a failure.
  runtime::Duration receiver_timeout = std::chrono::seconds(60);
  runtime::Duration ending_timeout = std::chrono::seconds(10);
  std::size_t logins_max = 256;  // in flight, over all threads

  bool json = false;
  bool progress = false;
};

struct ExitStatus {
  int value;
};

// The options, or the status with which to exit: help has been printed, or what is wrong. Units are
// written as PostgreSQL writes them.
std::variant<Options, ExitStatus> parse_options(int argc, const char* const* argv);

}  // namespace bench::walbench
