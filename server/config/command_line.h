#pragma once

#include "server/client/command.h"
#include "server/config/config.h"
#include "server/verify/verify.h"
#include "server/wal/generator.h"

namespace server::config {

// What the command line says: one of these commands, or an exit code because there is nothing left
// to do: help was printed, or the log has the reason.
struct CommandLine {
  enum class Verb { kServe, kCheck, kGenerate, kVerify, kClient, kExit };
  Verb verb = Verb::kExit;
  int exit_code = 0;
  ServeConfig serve;
  // Of `serve --check`: what is wrong with the options, which are not to be used then.
  std::vector<runtime::Error> findings;
  wal::GenerateOptions generate;
  bool generate_quietly = false;  // without a word of how far it is
  verify::VerifyOptions verify;
  client::Command client;  // top, status or ctl
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace server::config
