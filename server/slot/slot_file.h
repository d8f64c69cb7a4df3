#pragma once

// The state of persistent slots on disk: one small file each.
//
//   <directory>/<name>.slot         the state of a slot: it exists if and only if this file does
//   <directory>/<name>.slot.tmp     a state that was being written; of no meaning
//   <directory>/<name>.slot.corrupt a state file that could not be trusted, kept for its reader
//
// PostgreSQL has a directory for each slot, since a logical one has further files. A physical slot
// has a state and nothing else, so one file is enough, and every change is one system call that a
// crash leaves done or not done, by the rule of runtime/durable_file.h. A slot's name has no dot in
// it, so no two of these names can be the same.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wal/xmin.h"

namespace server::slot {

// What must survive a crash of one slot.
struct SlotState {
  std::string name;
  wal::Lsn restart_lsn;
  wal::Xmin xmin = {};
  std::string owner = {};  // the name of a role; empty: none

  friend bool operator==(const SlotState&, const SlotState&) = default;
};

inline constexpr std::size_t kOwnerBytesMax = 63;
inline constexpr std::size_t kStateFileBytes = 168;
// Of the first version, which had no xmin, and of the second, which had no owner. They are still
// read: their slots have no owner.
inline constexpr std::size_t kStateFileBytesV1 = 88;
inline constexpr std::size_t kStateFileBytesV2 = 104;

// REQUIRES: a valid name, and an owner's of kOwnerBytesMax at most, without a zero byte.
std::array<std::byte, kStateFileBytes> encode(const SlotState& state);

// The reverse, for bytes of unknown origin: anything but what encode() makes, or made in an earlier
// version, is an error, in the words of slot.c's RestoreSlotFromDisk. `path` is for the error only.
runtime::Result<SlotState> decode(std::span<const std::byte> bytes, const std::string& path);

std::string state_path(const std::string& directory, std::string_view name);

// All of what follows blocks. A directory has one user, which does one thing in it at a time.

// Makes or replaces a state file (runtime::replace_file). After a failure the old state or the new
// one may be in force, now and after a crash.
runtime::Result<void> write_state(const std::string& directory, const SlotState& state);

// Removes a state file (runtime::remove_file).
runtime::Result<void> remove_state(const std::string& directory, std::string_view name);

// All that is in the directory, which is made if it is missing. Temporary files are removed. A file
// that cannot be trusted is renamed, reported by a warning, and passed over; one that cannot be
// read is an error. What is returned is durable: a crash cannot bring back an earlier state.
runtime::Result<std::vector<SlotState>> read_states(const std::string& directory);

// What read_states() would find, for a reader that changes nothing: how many files can be read, and
// what is wrong with the others, kDataCorrupted if one cannot be trusted. A directory that is
// missing has none.
struct StatesFound {
  std::size_t readable = 0;
  std::vector<runtime::Error> errors = {};
};
runtime::Result<StatesFound> look_at_states(const std::string& directory);

}  // namespace server::slot
