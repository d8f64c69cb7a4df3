#pragma once

// What the process may do, and what others may see of it. All of it is the whole process's; but for
// the modes of files, main decides about it before there are threads.

#include <sys/types.h>

#include <string>

#include "runtime/result.h"

namespace runtime {

// Whether the process may do anything (main.c, check_root).
bool is_root();
// Whether the effective user is the one that has started it: a program that is set-uid is not
// trusted with the environment of its caller.
bool is_own_user();

// The process becomes this user, with the user's groups, and cannot be root again. Blocks on the
// user database. REQUIRES: is_root().
Result<void> become_user(const std::string& name);

// What files and directories that are made from now on let others do: nothing, or the group read
// (PG_MODE_MASK_OWNER and PG_MODE_MASK_GROUP of src/include/common/file_perm.h).
enum class Readers { kOwner, kGroup };
void set_readers_of_new_files(Readers readers);
// PG_FILE_MODE_OWNER and so on: 0600 and 0700 unless the group may read. Any thread.
mode_t mode_of_new_files();
mode_t mode_of_new_directories();

// Whether the process leaves a core file, and whether others of its user may look into its memory
// (PR_SET_DUMPABLE).
void set_dumpable(bool dumpable);

}  // namespace runtime
