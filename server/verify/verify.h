#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "runtime/clock.h"
#include "server/verify/piece.h"
#include "server/verify/survey.h"

namespace server::verify {

// What `walcast verify` is asked for.
struct VerifyOptions {
  std::string directory;
  Scope scope = {};
  std::size_t jobs = 0;  // threads; 0: one for each core
  bool json = false;
  bool no_progress = false;
  std::uint64_t piece_bytes = kPieceBytes;  // of a file that are proven at once: whole pages
};

// Where it says what it finds.
struct VerifyOutput {
  std::FILE* report = stdout;
  std::FILE* progress = stderr;
  bool progress_is_terminal = false;
};

// `walcast verify`: proves every page and record of a directory of WAL, and changes nothing.
// Returns the exit status: 0 if all is good, 1 if faults were found, 2 if none were and something
// could not be read. Blocks.
int verify(const VerifyOptions& options, const runtime::Clock& clock, const VerifyOutput& output);

}  // namespace server::verify
