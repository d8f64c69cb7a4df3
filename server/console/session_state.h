#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "server/auth/grants.h"
#include "server/settings/session_settings.h"
#include "server/wire/message.h"

namespace server::console {

// How a session stands to transactions, by the byte that ReadyForQuery has. There are none here:
// BEGIN and COMMIT are taken because clients send them.
enum class TransactionStatus : char { kIdle = 'I', kInBlock = 'T', kFailed = 'E' };

// A message beside an answer.
struct Notice {
  wire::Severity severity;
  runtime::Error text;
};

// One connection as its statements see it.
//   Owner: the loop that has the connection, and the jobs of the console thread that are of it.
//   Thread: the console's, but for what is named otherwise.
struct SessionState {
  // Set before the first statement, and then only read.
  std::uint32_t process_id = 0;
  std::string user;
  std::string database;
  std::string client_address;  // without the port; empty: a Unix-domain socket
  int client_port = -1;
  std::string server_address;  // that the client has connected to; empty as above
  int server_port = -1;
  runtime::WallMicros backend_start = 0;
  bool uses_tls = false;
  auth::Grants grants;

  // The loop says true when a CancelRequest has come, and false before it hands the next statement
  // on. Any thread reads it.
  runtime::Published<bool> cancel_requested{false};

  // What the client has set, by its start-up packet and by SET.
  settings::SessionSettings settings;
  TransactionStatus transaction = TransactionStatus::kIdle;
  // What is to be said before the next answer, as NoticeResponse; the caller takes it away.
  std::vector<Notice> notices;
  // Settings whose new value the client is to be told by ParameterStatus; the caller takes it away.
  std::vector<std::pair<std::string, std::string>> reports;
};

}  // namespace server::console
