#pragma once

namespace bench::live {

// `walbench live`: one run, its table or JSON on standard output, its files, and the exit status,
// which is 0 if all commits were made and each standby has streamed to the end. argv[0] is "live".
int run_live(int argc, const char* const* argv);

}  // namespace bench::live
