#pragma once

// The state of persistent slots on disk: one small file each.
//
//   <directory>/<name>.slot         the state of a slot: it exists if and only if this file does
//   <directory>/<name>.slot.tmp     a state that was being written; of no meaning
//   <directory>/<name>.slot.corrupt a state file that could not be trusted, kept for its reader
//
// PostgreSQL has a directory for each slot, since a logical one has further files. A physical slot
// has a state and nothing else, so one file is enough, and every change is one system call that a
// crash leaves done or not done: rename(2) makes a slot or replaces its state, unlink(2) drops it.
// Whatever is renamed has been synced before; the directory is synced before success is reported.
// A slot's name has no dot in it, so no two of these names can be the same.

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

  friend bool operator==(const SlotState&, const SlotState&) = default;
};

inline constexpr std::size_t kStateFileBytes = 104;
// Of the first version, which had no xmin, and is still read.
inline constexpr std::size_t kStateFileBytesV1 = 88;

// REQUIRES: a valid name.
std::array<std::byte, kStateFileBytes> encode(const SlotState& state);

// The reverse, for bytes that nobody vouches for: anything but what encode() makes, or has made, is
// an error, in the words of slot.c's RestoreSlotFromDisk. `path` is for the error only.
runtime::Result<SlotState> decode(std::span<const std::byte> bytes, const std::string& path);

std::string state_path(const std::string& directory, std::string_view name);

// All of what follows blocks. A directory has one user, who does one thing in it at a time.

// Makes or replaces a state file, durably. A failure leaves no temporary file. The state file is
// then as it was, unless only the last step, the sync of what was renamed, has failed: then it may
// be either (PostgreSQL panics there).
runtime::Result<void> write_state(const std::string& directory, const SlotState& state);

// Removes a state file, durably. That it does not exist is no failure, so that what failed may be
// tried again: after a failure the file may be there or not.
runtime::Result<void> remove_state(const std::string& directory, std::string_view name);

// All that is in the directory, which is made if it is missing. Temporary files are removed. A file
// that cannot be trusted is renamed, reported by a warning, and passed over; one that cannot be
// read is an error. What is returned is durable: a crash cannot bring back an earlier state.
runtime::Result<std::vector<SlotState>> read_states(const std::string& directory);

}  // namespace server::slot
