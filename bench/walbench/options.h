#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/behaviour/group.h"
#include "runtime/clock.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

class Windows;

// What the command line says; every limit of a run is here.
struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string password;  // empty: none is given
  std::string application_name = "walbench";
  std::string ssl_mode = "disable";
  std::string root_certificates;  // of verify-full
  std::string scenario_file;      // empty: the groups are the command line's
  std::vector<behaviour::Group> groups{behaviour::Group{}};
  std::uint64_t seed = 1;
  std::uint64_t primary_xid = 0;  // what groups whose feedback asks the primary have been told
  std::size_t threads = 0;  // 0 on the command line: one per processor, at most one per standby

  std::optional<server::wal::TimelineId> timeline;  // else the server's
  std::optional<server::wal::Lsn> start;            // else where the server's newest segment begins
  std::optional<server::wal::Lsn> until;
  std::optional<runtime::Duration> duration;  // from the first connect on
  std::string verify_directory;               // empty: WAL is dropped unseen
  std::string stamps;                         // not empty: the label of stamps to look for
  std::string record_file;                    // not empty: a trace of the messages is written there
  // Not null: the arrivals of stamps are kept by these windows, and for each standby.
  std::shared_ptr<const Windows> arrivals_windows;

  runtime::Duration status_interval = std::chrono::seconds(1);
  runtime::Duration login_timeout = std::chrono::seconds(60);
  // As wal_receiver_timeout: half of it without input asks for a reply, all of it is a failure.
  runtime::Duration receiver_timeout = std::chrono::seconds(60);
  runtime::Duration ending_timeout = std::chrono::seconds(10);
  std::size_t logins_max = 256;  // in flight, over all threads

  bool json = false;
  bool progress = false;

  std::size_t standbys() const { return behaviour::count_standbys(groups); }
  // What counts for a group that does not say it itself.
  const std::string& ssl_mode_of(const behaviour::Group& group) const {
    return group.ssl_mode.empty() ? ssl_mode : group.ssl_mode;
  }
  const std::string& user_of(const behaviour::Group& group) const {
    return group.user.empty() ? user : group.user;
  }
  const std::string& password_of(const behaviour::Group& group) const {
    return group.password.empty() ? password : group.password;
  }
  behaviour::StartPoint start_of(const behaviour::Group& group) const {
    if (group.start.kind != behaviour::StartPoint::Kind::kUnsaid || !start) return group.start;
    return behaviour::StartPoint::at(*start);
  }
  // The xmin of its feedback; none if it sends none.
  std::optional<std::uint64_t> feedback_of(const behaviour::Group& group) const {
    if (!group.feedback.has_value()) return std::nullopt;
    return group.feedback->asks_primary ? primary_xid : group.feedback->xid;
  }
  bool verifies(const behaviour::Group& group) const {
    return !verify_directory.empty() && group.verify.value_or(true);
  }
};

// A command line's answer that is no option: help has been printed, or what is wrong.
struct ExitStatus {
  int value;
};

}  // namespace bench::walbench
