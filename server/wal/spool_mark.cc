#include "server/wal/spool_mark.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/crc32c.h"

namespace server::wal {

namespace {

using runtime::format;
using runtime::Result;

// With the version of the format. An operator who looks into the file reads it.
constexpr std::array<char, 16> kTitle = {'w', 'a', 'l', 'c', 'a', 's', 't', ' ',
                                         's', 'p', 'o', 'o', 'l', ' ', '2', '\n'};

// The beginning of a block, in this machine's byte order, like WAL. The rest of the block is zeros.
struct Block {
  std::array<char, 16> title;
  std::uint32_t checksum;  // of all that follows
  std::uint32_t writer;
  std::uint64_t system_identifier;
  std::uint64_t kept_from;
  std::uint64_t kept_to;
  std::uint64_t turn;
};
static_assert(std::has_unique_object_representations_v<Block>, "padding would be anything");
static_assert(sizeof(Block) <= SpoolMark::kBlockBytes);

using BlockBytes = std::array<std::byte, SpoolMark::kBlockBytes>;

std::uint32_t checksum_of(const Block& block) {
  return crc32c(std::as_bytes(std::span(&block, 1)).subspan(offsetof(Block, writer)));
}

BlockBytes encode(const SpoolMarkContent& content, std::uint64_t turn) {
  Block block{.title = kTitle,
              .checksum = 0,
              .writer = static_cast<std::uint32_t>(content.writer),
              .system_identifier = content.system_identifier,
              .kept_from = content.kept_from.value(),
              .kept_to = content.kept_to.value(),
              .turn = turn};
  block.checksum = checksum_of(block);
  BlockBytes bytes{};
  std::memcpy(bytes.data(), &block, sizeof(block));
  return bytes;
}

// None if these bytes were not written by encode(), or not as a whole.
std::optional<Block> decode(std::span<const std::byte> bytes) {
  Block block{};
  if (bytes.size() < sizeof(block)) return std::nullopt;
  std::memcpy(&block, bytes.data(), sizeof(block));
  if (block.title != kTitle || block.checksum != checksum_of(block)) return std::nullopt;
  const bool is_known = block.writer == static_cast<std::uint32_t>(SpoolWriter::kReceiver) ||
                        block.writer == static_cast<std::uint32_t>(SpoolWriter::kGenerator);
  return is_known ? std::optional(block) : std::nullopt;
}

std::uint64_t offset_of_turn(std::uint64_t turn) { return turn % 2 * SpoolMark::kBlockBytes; }

std::string path_in(const std::string& directory) {
  return format("{}/{}", directory, SpoolMark::kFileName);
}

}  // namespace

Result<SpoolMark> SpoolMark::create(const std::string& directory, const SpoolMarkContent& content) {
  std::vector<std::byte> bytes;
  for (const std::uint64_t turn : {0, 1}) {
    const BlockBytes block = encode(content, turn);
    bytes.insert(bytes.end(), block.begin(), block.end());
  }
  std::string path = path_in(directory);
  TRY(runtime::replace_file(path, bytes));
  auto file = TRY(runtime::open_for_writing(path, runtime::OpenMode::kExisting));
  return SpoolMark(std::move(path), std::move(file), content, 1);
}

Result<std::optional<SpoolMark>> SpoolMark::open(const std::string& directory) {
  std::string path = path_in(directory);
  auto file = runtime::open_for_writing(path, runtime::OpenMode::kExisting);
  if (!file && file.error().kind == &runtime::kFileMissing) return std::optional<SpoolMark>();
  if (!file) return std::move(file).error();
  std::vector<std::byte> bytes(kFileBytes);
  const std::size_t size = TRY(runtime::read_at(*file, path, 0, bytes));
  const auto all = std::span<const std::byte>(bytes).first(size);
  const auto first = decode(all.first(std::min(size, kBlockBytes)));
  const auto second = decode(all.subspan(std::min(size, kBlockBytes)));
  if (!first && !second) {
    return runtime::Error{
        .kind = &runtime::kDataCorrupted,
        .what = format("file \"{}\" is damaged, or of another version", path),
        .hint = format("If the directory is a spool of walcast all the same, move the file away "
                       "and start once with --adopt-spool.")};
  }
  const bool is_first = first && (!second || first->turn > second->turn);
  const Block& newest = is_first ? *first : *second;
  const SpoolMarkContent content{.writer = SpoolWriter{newest.writer},
                                 .system_identifier = newest.system_identifier,
                                 .kept_from = Lsn(newest.kept_from),
                                 .kept_to = Lsn(newest.kept_to)};
  return std::optional(SpoolMark(std::move(path), std::move(file).value(), content, newest.turn));
}

Result<void> SpoolMark::keep(Lsn from, Lsn to) {
  SpoolMarkContent content = content_;
  content.kept_from = std::max(content_.kept_from, from);
  content.kept_to = std::max(content_.kept_to, to);
  return content == content_ ? Result<void>() : write(content);
}

// A block that the disk has written in part is the next one's place again: its turn does not count.
Result<void> SpoolMark::write(const SpoolMarkContent& content) {
  const std::uint64_t turn = turn_ + 1;
  const BlockBytes block = encode(content, turn);
  const std::size_t written =
      TRY(runtime::write_some_at(file_, path_, offset_of_turn(turn), block));
  if (written < block.size()) {
    return runtime::Error{.kind = &runtime::kDataCorrupted,
                          .what = format("could not write to file \"{}\"", path_)};
  }
  TRY(runtime::sync_file(file_, path_, runtime::SyncWhat::kData));
  content_ = content;
  turn_ = turn;
  return {};
}

}  // namespace server::wal
