#include "runtime/durable_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/system_call.h"

namespace runtime {

namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

// Opens the new file, empty.
using Open = Result<UniqueFd> (*)(const std::string& path);
// Gives a new and empty file its content.
using Fill = std::function<Result<void>(const UniqueFd& file, const std::string& path)>;

Result<void> write_all_at(const UniqueFd& file, const std::string& path, std::uint64_t offset,
                          std::span<const std::byte> content) {
  if (content.empty()) return {};
  const std::size_t written = TRY(write_some_at(file, path, offset, content));
  if (written == content.size()) return {};
  errno = ENOSPC;
  return fail_call("write to file", path);
}

Result<UniqueFd> open_empty(const std::string& path) {
  return open_for_writing(path, OpenMode::kEmpty);
}

// One that a crash has left may be open to others, or even be open at others.
Result<UniqueFd> open_private(const std::string& path) {
  TRY(unlink_file(path));
  const int flags = O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL;
  UniqueFd file(retry_on_signal([&] { return ::open(path.c_str(), flags, 0600); }));
  if (!file) return fail_call("create file", path);
  return file;
}

// The descriptor of the new file, for its second sync.
Result<UniqueFd> write_synced(const std::string& path, Open open, const Fill& fill) {
  UniqueFd file = TRY(open(path));
  TRY(fill(file, path));
  TRY(sync_file(file, path, SyncWhat::kAll));
  return file;
}

Result<UniqueFd> write_and_rename(const std::string& temporary, const std::string& path, Open open,
                                  const Fill& fill) {
  UniqueFd file = TRY(write_synced(temporary, open, fill));
  TRY(rename_file(temporary, path));
  return file;
}

Result<void> replace(const std::string& path, Open open, const Fill& fill) {
  const std::string temporary = path + std::string(kTemporarySuffix);
  const auto file = write_and_rename(temporary, path, open, fill);
  if (!file) {
    static_cast<void>(unlink_file(temporary));  // the first error says more
    return file.error();
  }
  TRY(sync_file(*file, path, SyncWhat::kAll));  // some file systems want it under its new name
  return sync_path(directory_of(path));
}

}  // namespace

Result<void> replace_file(const std::string& path, std::span<const std::byte> content) {
  return replace(path, open_empty, [content](const UniqueFd& file, const std::string& name) {
    return write_all_at(file, name, 0, content);
  });
}

Result<void> replace_private_file(const std::string& path, std::span<const std::byte> content) {
  return replace(path, open_private, [content](const UniqueFd& file, const std::string& name) {
    return write_all_at(file, name, 0, content);
  });
}

Result<void> replace_file_by_copy(const std::string& path, const UniqueFd& from,
                                  const std::string& from_path, std::uint64_t size) {
  const auto fill = [&](const UniqueFd& file, const std::string& name) -> Result<void> {
    std::vector<std::byte> piece(std::min<std::uint64_t>(size, kPieceBytes));
    for (std::uint64_t at = 0; at < size;) {
      const auto wanted = std::span(piece).first(std::min<std::uint64_t>(piece.size(), size - at));
      const std::size_t read = TRY(read_at(from, from_path, at, wanted));
      if (read < wanted.size()) {
        return Error{.kind = &kDataCorrupted,
                     .what = format("file \"{}\" is too short", from_path),
                     .sys_errno = EIO};
      }
      TRY(write_all_at(file, name, at, wanted));
      at += read;
    }
    return {};
  };
  return replace(path, open_empty, fill);
}

Result<void> remove_file(const std::string& path) {
  TRY(unlink_file(path));
  return sync_path(directory_of(path));
}

}  // namespace runtime
