#pragma once

#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/client/connection.h"

namespace server::client {

// A command of the command line that asks a server which runs: `walcast top`, `status` and `ctl`.
struct Command {
  enum class Verb { kTop, kStatus, kCtl };

  Verb verb = Verb::kStatus;
  Place place;
  bool json = false;               // of status
  std::vector<std::string> words;  // of ctl: what is to be done, and to what
  runtime::Duration interval{};    // of top: between two looks
  int looks = 0;                   // of top, until it ends; 0: for ever
  std::string sort = "lag";        // of top
  std::string filter;              // of top: part of a standby's name, or of its address
};

}  // namespace server::client
