#include "server/admin/file_modes.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "runtime/log.h"
#include "runtime/process.h"

namespace server::admin {

namespace {

constexpr mode_t kOfOwner = 0700;
constexpr mode_t kOfGroup = 0750;

void change_mode(const std::string& directory, mode_t from, mode_t to) {
  struct stat status {};
  if (directory.empty() || ::stat(directory.c_str(), &status) != 0) return;
  if ((status.st_mode & 07777) != from || ::chmod(directory.c_str(), to) == 0) return;
  runtime::log::warning("could not set permissions of directory \"{}\": {}", directory,
                        std::strerror(errno));
}

}  // namespace

void take_modes(const wal::ClusterFacts& facts, const std::vector<std::string>& directories) {
  const auto said = facts.find("data_directory_mode");
  if (said == facts.end()) return;
  const bool group_reads = said->second == "0750";
  runtime::set_readers_of_new_files(group_reads ? runtime::Readers::kGroup
                                                : runtime::Readers::kOwner);
  for (const std::string& directory : directories) {
    change_mode(directory, group_reads ? kOfOwner : kOfGroup, group_reads ? kOfGroup : kOfOwner);
  }
}

}  // namespace server::admin
