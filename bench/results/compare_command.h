#pragma once

namespace bench::results {

// `walbench compare`: reads runs, prints what differs, and returns the exit status: 0 if they could
// be compared, and with --check 2 if the new ones are worse. argv[0] is "compare".
int run_compare(int argc, const char* const* argv);

}  // namespace bench::results
