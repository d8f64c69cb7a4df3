#include "server/slot/slot_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/check.h"
#include "runtime/durable_file.h"
#include "runtime/fd.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/slot/errors.h"
#include "server/slot/name.h"
#include "server/wal/crc32c.h"

namespace server::slot {

using runtime::format;
using runtime::Result;

namespace {

constexpr std::string_view kStateSuffix = ".slot";
constexpr std::string_view kCorruptSuffix = ".corrupt";

constexpr std::uint32_t kMagic = 0x57435331;  // WCS1
constexpr std::uint32_t kVersion = 3;         // the first one ended behind the name

// The file itself, in this machine's byte order, like WAL. The first four members stay what they
// are in all versions (slot.c, ReplicationSlotOnDisk).
struct StateFile {
  std::uint32_t magic;
  std::uint32_t checksum;  // of all that follows
  std::uint32_t version;
  std::uint32_t length;  // of all that follows
  std::uint64_t restart_lsn;
  char name[kNameBytesMax + 1];  // filled up with zeros
  std::uint64_t xmin;            // with their epochs, since version 2; 0 is none
  std::uint64_t catalog_xmin;
  char owner[kOwnerBytesMax + 1];  // since version 3, filled up with zeros
};
static_assert(sizeof(StateFile) == kStateFileBytes);
static_assert(offsetof(StateFile, xmin) == kStateFileBytesV1);
static_assert(offsetof(StateFile, owner) == kStateFileBytesV2);
static_assert(std::has_unique_object_representations_v<StateFile>, "padding would be anything");

constexpr std::size_t kHeaderBytes = offsetof(StateFile, restart_lsn);

constexpr std::size_t bytes_of_version(std::uint32_t version) {
  switch (version) {
    case 1:
      return kStateFileBytesV1;
    case 2:
      return kStateFileBytesV2;
    default:
      return kStateFileBytes;
  }
}

std::uint32_t checksum_of(const StateFile& file) {
  const auto bytes = std::as_bytes(std::span(&file, 1)).first(bytes_of_version(file.version));
  return wal::crc32c(bytes.subspan(offsetof(StateFile, version)));
}

runtime::Error corrupted(std::string what) {
  return {.kind = &kDataCorrupted, .what = std::move(what)};
}

// The text that `field` has in front of its zeros; none if it does not end, or goes on behind them.
template <std::size_t kBytes>
std::optional<std::string_view> text_of(const char (&field)[kBytes]) {
  const char* const end = std::find(std::begin(field), std::end(field), '\0');
  const bool is_filled_up = std::all_of(end, std::cend(field), [](char c) { return c == '\0'; });
  if (end == std::end(field) || !is_filled_up) return std::nullopt;
  return std::string_view(field, static_cast<std::size_t>(end - field));
}

bool is_temporary(const std::string& entry) {
  return entry.ends_with(std::string(kStateSuffix) + std::string(runtime::kTemporarySuffix));
}

Result<SlotState> read_state(const runtime::UniqueFd& file, const std::string& path) {
  std::array<std::byte, kStateFileBytes + 1> buffer;  // one more, so that too many are noticed
  const std::size_t size = TRY(runtime::read_at(file, path, 0, buffer));
  return decode(std::span(buffer).first(size), path);
}

// Renames a file that cannot be trusted to where it is not in the way.
Result<void> set_aside(const std::string& path, const runtime::Error& error) {
  std::string aside = path + std::string(kCorruptSuffix);
  for (int n = 2; ::access(aside.c_str(), F_OK) == 0; ++n) {
    aside = format("{}{}.{}", path, kCorruptSuffix, n);
  }
  TRY(runtime::rename_file(path, aside));
  runtime::log::warning("{}; the slot is lost, and keeps no WAL any more; its file is now \"{}\"",
                        error.what, aside);
  return {};
}

// The same of a file that must have the name of its slot.
Result<SlotState> read_named_state(const runtime::UniqueFd& file, const std::string& directory,
                                   const std::string& path) {
  SlotState state = TRY(read_state(file, path));
  if (path == state_path(directory, state.name)) return state;
  return corrupted(
      format("replication slot file \"{}\" has the state of slot \"{}\"", path, state.name));
}

// Nothing if the file has been set aside.
Result<std::optional<SlotState>> restore(const std::string& directory, const std::string& entry) {
  const std::string path = directory + "/" + entry;
  const auto file = TRY(runtime::open_for_reading(path));
  TRY(runtime::sync_file(file, path,
                         runtime::SyncWhat::kAll));  // it may have been renamed just before a crash
  auto state = read_named_state(file, directory, path);
  if (state) return std::optional(std::move(state).value());
  if (state.error().kind != &kDataCorrupted) return std::move(state).error();
  TRY(set_aside(path, state.error()));
  return std::optional<SlotState>();
}

}  // namespace

std::array<std::byte, kStateFileBytes> encode(const SlotState& state) {
  CHECK(validate_name(state.name).has_value());
  CHECK(state.owner.size() <= kOwnerBytesMax && state.owner.find('\0') == std::string::npos);
  StateFile file{.magic = kMagic,
                 .checksum = 0,
                 .version = kVersion,
                 .length = kStateFileBytes - kHeaderBytes,
                 .restart_lsn = state.restart_lsn.value(),
                 .name = {},
                 .xmin = state.xmin.data,
                 .catalog_xmin = state.xmin.catalog,
                 .owner = {}};
  std::copy(state.name.begin(), state.name.end(), file.name);
  std::copy(state.owner.begin(), state.owner.end(), file.owner);
  file.checksum = checksum_of(file);
  std::array<std::byte, kStateFileBytes> bytes;
  std::memcpy(bytes.data(), &file, sizeof(file));
  return bytes;
}

Result<SlotState> decode(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.size() < kHeaderBytes) {
    return corrupted(
        format("could not read file \"{}\": read {} of {}", path, bytes.size(), kHeaderBytes));
  }
  StateFile file{};
  std::memcpy(&file, bytes.data(), std::min(bytes.size(), sizeof(file)));
  const auto wrong = [&path](std::string_view what) {
    return corrupted(format("replication slot file \"{}\" has {}", path, what));
  };
  if (file.magic != kMagic) {
    return wrong(format("wrong magic number: {} instead of {}", file.magic, kMagic));
  }
  if (file.version == 0 || file.version > kVersion) {
    return wrong(format("unsupported version {}", file.version));
  }
  const std::size_t size = bytes_of_version(file.version);
  if (file.length != size - kHeaderBytes) return wrong(format("corrupted length {}", file.length));
  if (bytes.size() < size) {
    return corrupted(format("could not read file \"{}\": read {} of {}", path,
                            bytes.size() - kHeaderBytes, file.length));
  }
  if (bytes.size() > size) return wrong("bytes after its end");
  if (const std::uint32_t checksum = checksum_of(file); checksum != file.checksum) {
    return corrupted(
        format("checksum mismatch for replication slot file \"{}\": is {}, should be {}", path,
               checksum, file.checksum));
  }
  // The checksum speaks against accidents only.
  const char* const end = std::find(std::begin(file.name), std::end(file.name), '\0');
  const std::string_view name(file.name, static_cast<std::size_t>(end - file.name));
  if (!validate_name(name)) return wrong("an invalid slot name");
  if (!text_of(file.name)) return wrong("bytes after its slot name");
  const auto owner = text_of(file.owner);
  if (!owner) return wrong("an invalid owner");
  return SlotState{.name = std::string(name),
                   .restart_lsn = wal::Lsn(file.restart_lsn),
                   .xmin = {file.xmin, file.catalog_xmin},
                   .owner = std::string(*owner)};
}

std::string state_path(const std::string& directory, std::string_view name) {
  return format("{}/{}{}", directory, name, kStateSuffix);
}

Result<void> write_state(const std::string& directory, const SlotState& state) {
  return runtime::replace_file(state_path(directory, state.name), encode(state));
}

Result<void> remove_state(const std::string& directory, std::string_view name) {
  return runtime::remove_file(state_path(directory, name));
}

Result<std::vector<SlotState>> read_states(const std::string& directory) {
  TRY(runtime::create_private_directory(directory));
  std::vector<SlotState> states;
  for (const std::string& entry : TRY(runtime::list_directory(directory))) {
    if (is_temporary(entry)) {
      TRY(runtime::unlink_file(directory + "/" + entry));
    } else if (entry.ends_with(kStateSuffix)) {
      auto state = TRY(restore(directory, entry));
      if (state) states.push_back(*std::move(state));
    }
  }
  TRY(runtime::sync_path(directory));
  return states;
}

Result<StatesFound> look_at_states(const std::string& directory) {
  StatesFound found;
  const auto entries = runtime::list_directory(directory);
  if (!entries && entries.error().kind == &runtime::kFileMissing) return found;
  for (const std::string& entry : TRY(entries)) {
    if (!entry.ends_with(kStateSuffix)) continue;
    const std::string path = directory + "/" + entry;
    const auto file = runtime::open_for_reading(path);
    const auto state =
        file ? read_named_state(*file, directory, path) : Result<SlotState>(file.error());
    state ? static_cast<void>(++found.readable) : found.errors.push_back(state.error());
  }
  return found;
}

}  // namespace server::slot
