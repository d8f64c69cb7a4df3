#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "server/auth/file_error.h"
#include "server/auth/name_token.h"
#include "server/auth/tokens.h"

namespace server::auth {

// One line of an ident file: in the map of this name, a client that is `system_user` to the system
// or by its certificate may log in as `user`.
struct IdentLine {
  std::string file;
  std::size_t line = 0;
  std::string map;
  NameToken system_user;  // a name or a regular expression
  NameToken user;         // from PostgreSQL 16 on a group, "all" or a regular expression too
};

// The maps of an ident file and of those that it includes. Never changed, so that any thread may
// use them; a reload makes new ones. The map without lines is what there is without a file.
class IdentMaps {
 public:
  using Case = NameToken::Case;

  IdentMaps() = default;
  explicit IdentMaps(std::vector<IdentLine> lines, Case letters = Case::kDiffers)
      : lines_(std::move(lines)), letters_(letters) {}
  // The lines of one map, where the names of the system's users are those of standbys, which
  // PostgreSQL compares without regard to case (syncrep.c, SyncRepGetStandbyPriority). An error is
  // of a regular expression that takes too much memory then.
  runtime::Result<IdentMaps> ignoring_case(std::string_view map) const;

  std::span<const IdentLine> all() const { return lines_; }
  bool has(std::string_view map) const;

  // Whether `system_user` may log in as `user`: by a line of the map, or, without a map, by being
  // called the same, in the same case (hba.c, check_usermap) if it is not ignored. An error is for
  // the log alone; the client is told no more than that its authentication failed.
  runtime::Result<void> check(const std::optional<std::string>& map, std::string_view user,
                              std::string_view system_user, const IsMember& is_member) const;

 private:
  std::vector<IdentLine> lines_;
  Case letters_ = Case::kDiffers;  // of the system's users
};

// Maps or errors, never both. A file without lines has no maps, and that is no error.
struct IdentFile {
  std::optional<IdentMaps> maps;
  std::vector<FileError> errors;
  std::vector<std::string> skipped;  // files of include_if_exists that are missing
};

// Reads a file as a whole (hba.c, load_ident). Blocks.
IdentFile read_ident_file(const std::string& path, const FileSource& source = disk_files());

}  // namespace server::auth
