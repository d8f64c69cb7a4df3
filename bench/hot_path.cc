// What a message costs on each hot path, for callgrind, which counts the instructions between two
// marks and dumps them under the path's name. The program prints how many messages that were.
// Without callgrind the marks do nothing. tests/counts holds the bounds.

#include <valgrind/callgrind.h>

#include <cstdio>
#include <optional>

#include "bench/built_wal.h"
#include "bench/live_loop.h"
#include "bench/message_cycle.h"
#include "memctx/context.h"
#include "runtime/doorbell.h"
#include "server/wal/record_reader.h"
#include "server/wal/writer.h"
#include "server/wire/framer.h"
#include "tests/support/temp_dir.h"

namespace {

namespace wal = server::wal;
namespace wire = server::wire;

constexpr wal::TimelineId kTimeline{1};

// Counts `times` calls of `path`, each of which handles `messages`. `prepare` comes before each
// and is not counted, nor is the first call, which fills caches.
template <typename Prepare, typename Path>
void count(const char* name, int times, int messages, Prepare prepare, Path path) {
  prepare();
  path();
  CALLGRIND_ZERO_STATS;
  for (int i = 0; i < times; ++i) {
    prepare();
    CALLGRIND_TOGGLE_COLLECT;
    path();
    CALLGRIND_TOGGLE_COLLECT;
  }
  CALLGRIND_DUMP_STATS_AT(name);
  std::printf("%s %d\n", name, times * messages);
}

template <typename Bytes>
void append(std::vector<std::byte>& to, const Bytes& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// A standby's status is cut off what was received, and parsed.
void count_replies_on_the_wire() {
  constexpr int kReplies = 100;
  std::vector<std::byte> bytes;
  for (int i = 0; i < kReplies; ++i) {
    constexpr std::array<std::uint8_t, 5> kHeader{'d', 0, 0, 0, 4 + wire::kStandbyStatusBytes};
    append(bytes, std::as_bytes(std::span(kHeader)));
    append(bytes, wire::encode_standby_status(
                      {.write = 1, .flush = 1, .apply = 1, .send_time = 0, .reply_requested = 0}));
  }
  count(
      "reply_parsed", 10, kReplies, [] {},
      [&] {
        for (std::span<const std::byte> left(bytes); !left.empty();) {
          const auto cut = wire::cut_message(left, wire::During::kStream);
          CHECK(cut.cut == wire::Cut::kMessage);
          CHECK(wire::parse_standby_message(cut.message.body).has_value());
          left = left.subspan(cut.bytes_used);
        }
      });
}

// A commit goes from the loop's queue into the sockets of its live standbys, and their replies are
// taken.
void count_deliveries() {
  constexpr int kStandbys = 100;
  bench::LiveLoop live(kStandbys);
  count(
      "commit_sent", 10, kStandbys,
      [&] {
        live.drain_all();
        live.grow();
      },
      [&] { live.turn(); });
  count(
      "reply_taken", 10, kStandbys,
      [&] {
        live.drain_all();
        live.grow();
        live.turn();
      },
      [&] { live.reply_all(); });
}

// A spool as a relay has it.
class Spool {
 public:
  explicit Spool(wal::Lsn begin) {
    tail_.adopt({wal::TimelineHistory(kTimeline), {}});
    writer_.emplace(
        wal::Writer::Options{.directory = directory_.path(),
                             .identity = bench::kIdentity,
                             .retention = {.wal_keep_bytes = bench::kIdentity.segment_size.bytes(),
                                           .holds = &holds_}},
        clock_, tail_, doorbell_);
    CHECK(writer_->start_empty(begin).has_value());
  }
  void receive(std::span<const std::byte> copy_data) {
    const auto message = wire::parse_primary_message(copy_data);
    CHECK(message.has_value());
    CHECK(writer_->write(std::get<wire::XLogData>(*message).wal).has_value());
  }

 private:
  const tests::TempDir directory_;
  runtime::SystemClock clock_;
  wal::Holds holds_{clock_};
  wal::WalTail tail_;
  runtime::Doorbell doorbell_;
  std::optional<wal::Writer> writer_;
};

// A relay parses what the primary sends, writes it to the spool, proves and publishes it.
void count_receipts() {
  const wal::Lsn begin = bench::kIdentity.segment_size.start(wal::SegmentNo{1});
  wal::WalBuilder builder(bench::kIdentity, kTimeline, begin);
  Spool spool(begin);
  std::vector<std::byte> message;
  count(
      "commit_received", 200, 1,
      [&] {
        builder.append_noop(std::vector<std::byte>(200));
        message.clear();
        const auto header = wire::encode_xlog_data_header(
            (builder.end() - builder.bytes().size()).value(), builder.end().value(), 0,
            static_cast<std::uint32_t>(builder.bytes().size()));
        append(message, std::span(header).subspan(5));  // the body, as libpq hands it out
        append(message, builder.bytes());
        builder.clear();
      },
      [&] { spool.receive(message); });
}

void count_proofs(const char* name, std::int64_t record_bytes) {
  constexpr int kRecords = 10'000;
  const bench::BuiltSegment segment(record_bytes);
  bench::MemoryPages pages(segment.builder);
  wal::RecordReader reader(pages, bench::kIdentity);
  count(
      name, 1, kRecords, [&] { reader.seek(segment.begin); },
      [&] {
        for (int i = 0; i < kRecords; ++i) CHECK(reader.next() == wal::Outcome::kRecord);
      });
}

void count_message_cycle() {
  memctx::Context top("Top");
  memctx::Context& message = top.create_child("Message");
  count(
      "message_cycle", 1000, 1, [] {},
      [&] {
        message.reset();
        bench::use_chunks([&](std::size_t size) { return message.allocate(size); });
      });
}

}  // namespace

int main() {
  count_replies_on_the_wire();
  count_deliveries();
  count_receipts();
  count_proofs("record_40_proven", 40);
  count_proofs("record_200_proven", 200);
  count_message_cycle();
  return 0;
}
