#include "runtime/durable_file.h"

#include <cerrno>

#include "runtime/file.h"
#include "runtime/system_call.h"

namespace runtime {

namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The descriptor of the new file, for its second sync.
Result<UniqueFd> write_synced(const std::string& path, std::span<const std::byte> content) {
  UniqueFd file = TRY(open_for_writing(path, OpenMode::kEmpty));
  if (!content.empty()) {
    const std::size_t written = TRY(write_some_at(file, path, 0, content));
    if (written < content.size()) {
      errno = ENOSPC;
      return fail_call("write to file", path);
    }
  }
  TRY(sync_file(file, path, SyncWhat::kAll));
  return file;
}

Result<UniqueFd> write_and_rename(const std::string& temporary, const std::string& path,
                                  std::span<const std::byte> content) {
  UniqueFd file = TRY(write_synced(temporary, content));
  TRY(rename_file(temporary, path));
  return file;
}

}  // namespace

Result<void> replace_file(const std::string& path, std::span<const std::byte> content) {
  const std::string temporary = path + std::string(kTemporarySuffix);
  const auto file = write_and_rename(temporary, path, content);
  if (!file) {
    static_cast<void>(unlink_file(temporary));  // the first error says more
    return file.error();
  }
  TRY(sync_file(*file, path, SyncWhat::kAll));  // some file systems want it under its new name
  return sync_path(directory_of(path));
}

Result<void> remove_file(const std::string& path) {
  TRY(unlink_file(path));
  return sync_path(directory_of(path));
}

}  // namespace runtime
