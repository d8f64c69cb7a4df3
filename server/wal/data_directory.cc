#include "server/wal/data_directory.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "runtime/errors.h"
#include "runtime/format.h"

namespace server::wal {

namespace {

namespace fs = std::filesystem;
using runtime::format;
using runtime::Result;

constexpr std::string_view kPidFile = "postmaster.pid";
// Each of these alone tells a data directory: a damaged one may lack the others.
constexpr std::array<std::string_view, 3> kMarks = {kPidFile, "PG_VERSION", "global/pg_control"};
// The second is what it was called before PostgreSQL 10.
constexpr std::array<std::string_view, 2> kWalNames = {"pg_wal", "pg_xlog"};

constexpr std::string_view kHint =
    "walcast writes and removes files there: give it a directory of its own, outside of any data "
    "directory.";

bool is_data_directory(const fs::path& path) {
  return std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) {
    std::error_code unreadable;
    return fs::exists(path / mark, unreadable);
  });
}

std::optional<fs::path> data_directory_of(fs::path path) {
  for (;;) {
    if (is_data_directory(path)) return path;
    if (!path.has_relative_path()) return std::nullopt;
    path = path.parent_path();
  }
}

fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

Result<void> check(const std::string& directory, const fs::path& path) {
  if (const auto found = data_directory_of(path)) {
    const bool runs = has_running_server(found->string());
    return runtime::Error{
        .kind = &runtime::kObjectNotInPrerequisiteState,
        .what = format("directory \"{}\" belongs to {}", directory,
                       runs ? "a running server" : "a PostgreSQL server"),
        .detail = format("The server's data directory is \"{}\".", found->string()),
        .hint = std::string(kHint)};
  }
  const std::string name = path.filename().string();
  if (std::find(kWalNames.begin(), kWalNames.end(), name) == kWalNames.end()) return {};
  return runtime::Error{
      .kind = &runtime::kObjectNotInPrerequisiteState,
      .what = format("directory \"{}\" has the name of a PostgreSQL server's own WAL directory",
                     directory),
      .hint = std::string(kHint)};
}

}  // namespace

std::optional<std::string> find_data_directory(const std::string& wal_directory) {
  std::error_code error;
  const fs::path named = without_slash(fs::absolute(wal_directory, error).lexically_normal());
  if (is_data_directory(named.parent_path())) return named.parent_path().string();
  const fs::path followed = fs::canonical(named, error);
  if (error || !is_data_directory(followed.parent_path())) return std::nullopt;
  return followed.parent_path().string();
}

std::string pid_file(const std::string& data_directory) {
  return data_directory + "/" + std::string(kPidFile);
}

// A standalone backend writes a negative process id.
bool has_running_server(const std::string& data_directory) {
  std::ifstream file(pid_file(data_directory));
  long pid = 0;
  if (!(file >> pid) || pid == 0) return false;
  std::error_code unreadable;
  return fs::exists("/proc/" + std::to_string(pid < 0 ? -pid : pid), unreadable);
}

Result<void> check_not_postgres(const std::string& directory) {
  std::error_code error;
  const fs::path named = fs::absolute(directory, error).lexically_normal();
  TRY(check(directory, without_slash(named)));
  const fs::path followed = fs::weakly_canonical(named, error);
  return error ? Result<void>() : check(directory, without_slash(followed));
}

}  // namespace server::wal
