#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/check.h"

namespace tests {

// A directory of its own for one test, removed with all that is in it.
class TempDir {
 public:
  TempDir() : TempDir(std::filesystem::temp_directory_path()) {}
  explicit TempDir(const std::filesystem::path& parent) {
    std::string name = (parent / "walcast-test-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Where a TempDir costs no time for what it syncs, if the machine has such a place. For tests of
// what a dead process leaves behind: that does not depend on the disk, which a dead machine's does.
inline std::filesystem::path memory_directory() {
  const std::filesystem::path shared_memory = "/dev/shm";
  std::error_code ignored;
  return std::filesystem::is_directory(shared_memory, ignored)
             ? shared_memory
             : std::filesystem::temp_directory_path();
}

}  // namespace tests
