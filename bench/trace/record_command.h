#pragma once

#include <string>
#include <variant>

#include "bench/walbench/options.h"
#include "bench/walbench/recorder.h"

namespace bench::trace {

// What the command line of `walbench record` says. argv[0] is "record".
struct RecordOptions {
  walbench::Options standby;
  bool json = false;
};
std::variant<RecordOptions, walbench::ExitStatus> parse_record_options(int argc,
                                                                       const char* const* argv);

// What a recording has in it, for people and for programs. REQUIRES: it was begun.
std::string to_text(const walbench::Recorder& recorder);
std::string to_json(const walbench::Recorder& recorder);

// `walbench record`: one standby, of whose stream a trace is written. Returns the exit status: 0 if
// the stream has ended in good order, and the trace is whole.
int run_record(int argc, const char* const* argv);

}  // namespace bench::trace
