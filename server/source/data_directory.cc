#include "server/source/data_directory.h"

#include <system_error>
#include <utility>

#include "runtime/errors.h"
#include "server/wal/control_file.h"
#include "server/wal/data_directory.h"

namespace server::source {

namespace {

// Whether a file is not what it was; false if it is not there.
bool has_changed(const std::string& path, std::filesystem::file_time_type& changed) {
  std::error_code missing;
  const auto last = std::filesystem::last_write_time(path, missing);
  return !missing && std::exchange(changed, last) != last;
}

}  // namespace

std::optional<std::string> DataDirectory::find_server() {
  const auto directory = wal::find_data_directory(wal_directory_);
  if (!directory || !has_changed(wal::pid_file(*directory), pid_file_changed_)) return {};
  if (!wal::has_running_server(*directory)) return {};
  return wal::pid_file(*directory);
}

// The control file is read at each look: its time of change does not tell two changes within a tick
// of the kernel's clock apart.
bool DataDirectory::look_at_facts(const wal::Identity& identity, runtime::Instant now) {
  const auto directory = wal::find_data_directory(wal_directory_);
  if (!directory) return false;
  auto facts = wal::read_control_file(*directory, identity);
  if (!facts) {
    if (facts.error().kind != &runtime::kFileMissing) doubts_.note({facts.error().what}, now);
    return false;
  }
  doubts_.note({}, now);
  return std::exchange(facts_, *facts) != *facts;
}

}  // namespace server::source
