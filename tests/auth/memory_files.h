#pragma once

#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/auth/tokens.h"

namespace tests {

// Files by their paths, for what reads files by a FileSource.
class MemoryFiles {
 public:
  MemoryFiles& write(const std::string& path, std::string text) {
    files_[path] = std::move(text);
    return *this;
  }
  // Reading the file fails so.
  MemoryFiles& spoil(const std::string& path, int sys_errno) {
    spoilt_[path] = sys_errno;
    return *this;
  }

  // As long as these files live.
  server::auth::FileSource source() const {
    return {.read = [this](const std::string& path, std::size_t) { return read(path); },
            .list = [this](const std::string& path) { return list(path); }};
  }

 private:
  runtime::Result<std::string> read(const std::string& path) const {
    if (const auto spoilt = spoilt_.find(path); spoilt != spoilt_.end()) {
      return runtime::system_error(spoilt->second,
                                   runtime::format("could not read file \"{}\"", path));
    }
    const auto found = files_.find(path);
    if (found != files_.end()) return found->second;
    return runtime::system_error(ENOENT, runtime::format("could not open file \"{}\"", path));
  }

  runtime::Result<std::vector<std::string>> list(const std::string& path) const {
    std::vector<std::string> names;
    for (const auto& [file, text] : files_) {
      if (file.starts_with(path + "/")) names.push_back(file.substr(path.size() + 1));
    }
    if (!names.empty()) return names;
    return runtime::system_error(ENOENT, runtime::format("could not open directory \"{}\"", path));
  }

  std::map<std::string, std::string> files_;
  std::map<std::string, int> spoilt_;
};

}  // namespace tests
