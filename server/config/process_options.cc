#include "server/config/process_options.h"

#include "server/settings/option_types.h"

namespace server::config {

void add_process_options(settings::Options& options, ProcessConfig& process) {
  options.add("user", process.user, "", settings::text(),
              "Become this user before anything else is done; needs root");
  options.add_switch("allow-root", process.allow_root, "Run as root, if it is root that starts it");
  options.add_switch(
      "allow-core-dumps", process.allow_core_dumps,
      "Leave a core file, and let debuggers in, also where it has passwords or keys");
  options.add("seccomp", process.seccomp, "off", settings::boolean(),
              "Have the kernel refuse all system calls that walcast does not need");
}

}  // namespace server::config
