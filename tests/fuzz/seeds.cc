#include "tests/fuzz/seeds.h"

#include <cstdint>
#include <span>
#include <utility>

#include "runtime/format.h"
#include "server/slot/slot_file.h"
#include "server/wal/builder.h"
#include "server/wal/format.h"
#include "tests/fuzz/sparse_pages.h"
#include "tests/support/bytes.h"

namespace tests {

namespace {

using server::wal::Identity;
using server::wal::kPageBytes;
using server::wal::Lsn;
using server::wal::RecordSpan;
using server::wal::TimelineId;
using server::wal::WalBuilder;
using Bytes = std::vector<std::byte>;
using Named = std::pair<std::string_view, std::string_view>;

constexpr Lsn kBegin{SparsePages::kSegmentSize.bytes()};

Identity identity_of(int major) {
  return {.system_identifier = 0x0123456789ABCDEF,
          .segment_size = SparsePages::kSegmentSize,
          .page_magic = *server::wal::page_magic(major)};
}

template <std::unsigned_integral T>
void put(Bytes& bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes.push_back(static_cast<std::byte>(value & 0xFF));
    value = static_cast<T>(value >> (sizeof(T) > 1 ? 8 : 0));
  }
}

void put_length(Bytes& bytes, std::size_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::byte>(value | 0x80));
  bytes.push_back(static_cast<std::byte>(value));
}

// As SparsePages reads it: a gap pays from eight zeros on.
void put_sparse(Bytes& to, std::span<const std::byte> wal) {
  constexpr std::size_t kGapMin = 8;
  const auto zeros_at = [&](std::size_t at) {
    std::size_t count = 0;
    while (at + count < wal.size() && wal[at + count] == std::byte{0}) ++count;
    return count;
  };
  for (std::size_t at = 0; at < wal.size();) {
    const std::size_t gap = zeros_at(at);
    std::size_t end = at += gap;
    while (end < wal.size() && zeros_at(end) < kGapMin) ++end;
    put_length(to, gap);
    put_length(to, end - at);
    to.insert(to.end(), wal.begin() + static_cast<std::ptrdiff_t>(at),
              wal.begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
  }
}

// What records_fuzzer.cc wants in front of the WAL.
Bytes records_input(std::span<const std::byte> wal, std::uint8_t flags) {
  const auto size = static_cast<std::uint32_t>(wal.size());
  Bytes input;
  put(input, flags);
  for (const std::uint32_t place : {size / 3, size / 2, size / 4, size}) put(input, place);
  put(input, (kBegin + size / 2).value());
  put_sparse(input, wal);
  return input;
}

// Little else than zeros, but something on every page, unless that would be too much.
const Bytes& data_of(std::size_t size) {
  static Bytes data;
  data.assign(size, {});
  const std::size_t step = size < 100'000 ? 512 : size;
  for (std::size_t i = 0; i < size; i += step) data[i] = std::byte{0x5A};
  return data;
}

// The next record begins 8 bytes before a page's end.
void leave_little(WalBuilder& builder) {
  builder.append_noop({});
  builder.append_noop(data_of(kPageBytes - builder.end().page_offset() - 8 - 24 - 5));
}

void add_wal_seeds(std::vector<Seed>& seeds) {
  const auto add = [&seeds](std::string name, const WalBuilder& builder, std::uint8_t flags = 0) {
    seeds.push_back({"records", std::move(name), records_input(builder.bytes(), flags)});
  };
  for (const int major : {13, 14, 15, 16, 17, 18}) {
    WalBuilder builder(identity_of(major), TimelineId{1}, kBegin);
    for (const std::size_t size : {0u, 1u, 255u, 256u, 3000u}) builder.append_noop(data_of(size));
    builder.append(major >= 15 ? 128 : 21, 0x10, data_of(7));
    add(runtime::format("version_{}", major), builder);
  }
  const auto make = [] { return WalBuilder(identity_of(15), TimelineId{1}, kBegin); };

  WalBuilder over_pages = make();
  leave_little(over_pages);
  over_pages.append_noop(data_of(20'000));
  over_pages.append_noop(data_of(3));
  add("record_over_pages", over_pages);
  add("record_over_pages_mended", over_pages, 2);

  WalBuilder switched = make();
  switched.append_noop(data_of(100));
  switched.append_switch();
  switched.append_noop(data_of(50));
  add("switch", switched);
  add("switch_without_its_segment", switched, 1);
  add("seek_anywhere", switched, 0x1C);

  WalBuilder voided = make();
  voided.append_noop(data_of(5000));
  voided.append_overwritten(data_of(30'000), 2);
  voided.append_noop(data_of(10));
  add("overwritten", voided);

  WalBuilder long_record = make();
  long_record.append_noop(data_of(10));
  long_record.append_noop(data_of(SparsePages::kSegmentSize.bytes()));
  long_record.append_noop(data_of(10));
  add("record_over_segments", long_record);
  add("begin_inside_a_record", long_record, 1);

  WalBuilder forked = make();
  leave_little(forked);
  forked.append_noop(data_of(9000));
  WalBuilder child(identity_of(15), TimelineId{2}, forked.end(), forked.previous_record());
  child.append_noop(data_of(10'000));
  Bytes both(forked.bytes().begin(), forked.bytes().end());
  both.insert(both.end(), child.bytes().begin(), child.bytes().end());
  seeds.push_back({"records", "two_timelines", records_input(both, 0)});

  both.resize(forked.bytes().size() + kPageBytes);  // the child's pages were never written
  seeds.push_back({"records", "torn", records_input(both, 0)});
}

void add_built_wal_seeds(std::vector<Seed>& seeds) {
  // Segment, cut, range, changed byte and mask; then steps of a kind and a size.
  const std::string_view begin = "0000 00300000 00100000 00400000 50000000 ff ";
  for (const auto& [name, steps] :
       {Named{"small", "00 1400 00 0001 10 0a00 18 6400"}, Named{"long", "01 2823 02 0080 00 1e00"},
        Named{"switches", "00 6400 06 0000 00 6400 06 0000 01 ff00"},
        Named{"overwritten", "01 8813 07 e803 07 e903 00 0a00"},
        Named{"page_ends", "05 0000 01 f401 05 0100 01 f401 05 0200 02 f401"}}) {
    seeds.push_back(
        {"built_wal", std::string(name), bytes(std::string(begin) + std::string(steps))});
  }
}

void add_text_seeds(std::vector<Seed>& seeds) {
  const auto add = [&seeds](std::string_view fuzzer, std::string_view prefix, Named seed) {
    Bytes all = bytes(prefix);
    for (const char c : seed.second) all.push_back(static_cast<std::byte>(c));
    seeds.push_back({fuzzer, std::string(seed.first), std::move(all)});
  };
  for (const Named& seed :
       {Named{"identify_system", "IDENTIFY_SYSTEM;"}, Named{"show", "SHOW wal_segment_size"},
        Named{"show_dotted", "SHOW \"a\"\"b\" . TimeZone"},
        Named{"timeline_history", "TIMELINE_HISTORY 4294967295"},
        Named{"start", "START_REPLICATION SLOT \"s1\" PHYSICAL 16/B374D848 TIMELINE 1"},
        Named{"start_logical", "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '4')"},
        Named{"create_slot", "CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL (RESERVE_WAL)"},
        Named{"create_logical", "CREATE_REPLICATION_SLOT s LOGICAL p (SNAPSHOT 'export')"},
        Named{"create_legacy", "CREATE_REPLICATION_SLOT \"s\" PHYSICAL RESERVE_WAL"},
        Named{"alter_slot", "ALTER_REPLICATION_SLOT s (FAILOVER true)"},
        Named{"read_slot", "READ_REPLICATION_SLOT s1"},
        Named{"drop_slot", "DROP_REPLICATION_SLOT \"s1\" WAIT"},
        Named{"base_backup", "BASE_BACKUP ( LABEL 'it''s',  PROGRESS,  WAIT 0)"},
        Named{"long_name",
              "SHOW aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        Named{"sql", "SELECT 1 -- /* beef/cafe"}}) {
    add("command", "", seed);
  }
  for (const Named& seed :
       {Named{"written_by_postgres",
              "1\t0/3029D08\tno recovery target specified\n\n2\t0/50000A0\tbefore 2026-01-01\n"},
        Named{"comments", "# 7 0/1\n \t\n\r\n  1 1/A\n#\n2\t00000001/0000000B\r\n# end"},
        Named{"empty_timeline", "1\t0/380100\t\n2\t0/370000\t\n"},
        Named{"no_order", "2\t0/1\n1\t0/2\n"}, Named{"no_number", "one\t0/1\n"}}) {
    add("history", "04000000 00 0001380000000000", seed);
  }
  for (const Named& seed :
       {Named{"bytes", "1.5MB"}, Named{"blanks", " 16 kB "}, Named{"rate", "50MB/s"},
        Named{"time", "5 min"}, Named{"small_time", "10us"}, Named{"exponent", "1e3"},
        Named{"largest", "8388607TB"}, Named{"too_large", "9100000000000000000"},
        Named{"nan", "nan"}, Named{"infinity", "-inf d"}}) {
    add("units", "", seed);
  }
}

// What scram_fuzzer.cc wants: flags, then messages.
void add_auth_seeds(std::vector<Seed>& seeds) {
  const auto add_scram = [&seeds](std::string name, std::uint8_t flags,
                                  std::initializer_list<std::string_view> bodies) {
    Bytes all{std::byte{flags}};
    for (const std::string_view text : bodies) {
      const Bytes body = bytes(text);
      const Bytes header = bytes(runtime::format("70 {:08x}", sizeof(std::uint32_t) + body.size()));
      all.insert(all.end(), header.begin(), header.end());
      all.insert(all.end(), body.begin(), body.end());
    }
    seeds.push_back({"scram", std::move(name), std::move(all)});
  };
  const std::string_view first = "\"SCRAM-SHA-256\" 00 0000000a \"n,,n=,r=ab\"";
  const std::string_view proof = "\"c=biws,r=ab,p=\"";
  add_scram("right_proof", 0x00, {first, proof});
  add_scram("wrong_proof", 0x10,
            {first,
             "\"c=biws,r=abAQIDBAUGBwgJCgsMDQ4PEBES,p="
             "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=\""});
  add_scram("waits_for_a_challenge", 0x00,
            {"\"SCRAM-SHA-256\" 00 ffffffff", "\"y,,n=u,r=ab,x=1\"", "\"c=eSws,r=ab,y=2,p=\""});
  add_scram("bound", 0x08,
            {"\"SCRAM-SHA-256-PLUS\" 00 0000001f \"p=tls-server-end-point,,n=,r=ab\"",
             "\"c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzaA==,r=ab,p=\""});
  add_scram("could_be_bound", 0x08, {first, proof});
  add_scram("bound_to_another", 0x08,
            {"\"SCRAM-SHA-256-PLUS\" 00 0000001f \"p=tls-server-end-point,,n=,r=ab\"",
             "\"c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzSA==,r=ab,p=\""});
  add_scram("believes_that_it_cannot_bind", 0x08, {"\"SCRAM-SHA-256\" 00 0000000a \"y,,n=,r=ab\""});
  add_scram("identity", 0x00, {"\"SCRAM-SHA-256\" 00 0000000d \"n,a=x,n=,r=ab\""});
  add_scram("password", 0x01, {"\"secret\" 00"});
  add_scram("password_of_md5", 0x05, {"\"secret\" 00"});
  add_scram("empty_password", 0x01, {"00"});
  add_scram("md5_verifier_without_md5", 0x04, {first, proof});
  add_scram("md5", 0x06, {"\"md500112233445566778899aabbccddeeff\" 00"});
  const std::string_view scram =
      "SCRAM-SHA-256$4096:r8OePk5kPHGzeRUBpPXo5w==$m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJY=:"
      "5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=";
  const std::string_view md5 = "md52aea419619857e8a27f0f7aa641db0c6";
  const auto add_file = [&seeds](std::string name, std::string_view text) {
    Bytes all;
    for (const char c : text) all.push_back(static_cast<std::byte>(c));
    seeds.push_back({"auth_file", std::move(name), std::move(all)});
  };
  add_file("usual",
           runtime::format("; c\n\"a\" \"{}\" replication\n\n# d\n\"b\" \"{}\"\r\n\"c\" \"\"\n",
                           scram, md5));
  add_file("attributes", runtime::format("\"a\"\"b\"\t\"{}\"superuser nologin replication;x", md5));
  add_file("twice", runtime::format("\"a\" \"{}\"\n\"a\" \"{}\"", md5, scram));
  add_file("in_the_clear", "\"a\" \"hunter2\"\n");
  add_file("not_closed", "\"a\" \"md5");
}

void add_slot_file_seeds(std::vector<Seed>& seeds) {
  const auto add = [&](std::string name, std::uint8_t mended, std::span<const std::byte> file) {
    Bytes all{std::byte{mended}, std::byte{20}};
    all.insert(all.end(), file.begin(), file.end());
    seeds.push_back({"slot_file", std::move(name), std::move(all)});
  };
  const auto whole = server::slot::encode({.name = "standby_1",
                                           .restart_lsn = Lsn(0x16B374D848),
                                           .xmin = {0x1000002E5, 0x2E1},
                                           .owner = "alice"});
  add("whole", 0, whole);
  add("mended", 3, whole);
  add("longest_name", 3, server::slot::encode({.name = std::string(63, 'z'), .restart_lsn = {}}));
  add("longest_owner", 3,
      server::slot::encode({.name = "a", .restart_lsn = {}, .owner = std::string(63, '\xC3')}));
  add("header_alone", 1, std::span(whole).first(16));
  add("short", 3, std::span(whole).first(60));
  Bytes spoilt(whole.begin(), whole.end());
  spoilt[server::slot::kStateFileBytesV1 - 1] = std::byte{'x'};
  add("bytes_after_its_name", 3, spoilt);
  spoilt.assign(whole.begin(), whole.end());
  spoilt.back() = std::byte{'x'};
  add("bytes_after_its_owner", 3, spoilt);
  spoilt.push_back(std::byte{0});
  add("bytes_after_its_end", 3, spoilt);
  const std::string name_end(55 * 2, '0');
  add("first_version", 0,
      bytes("31534357 eba94c7c 01000000 48000000 48d874b316000000 \"standby_1\"" + name_end));
  add("second_version", 0,
      bytes("31534357 4525d794 02000000 58000000 48d874b316000000 \"standby_1\"" + name_end +
            "e502000001000000 e102000000000000"));
  add("second_version_mended", 3 | 8, std::span(whole).first(server::slot::kStateFileBytesV2));
}

void add_access_file_seeds(std::vector<Seed>& seeds) {
  const auto add = [&seeds](std::string_view fuzzer, std::string_view prefix, Named seed) {
    Bytes all = bytes(prefix);
    for (const char c : seed.second) all.push_back(static_cast<std::byte>(c));
    seeds.push_back({fuzzer, std::string(seed.first), std::move(all)});
  };
  for (const Named& seed :
       {Named{"usual",
              "ann\nwalcast\nhost.example.com\nlocal all all peer map=m\n"
              "host replication standby 10.0.0.0/8 scram-sha-256\n"
              "hostssl all all ::/0 cert clientname=DN\nhost all +staff .example.com md5\n"},
        Named{"addresses",
              "ann\nb\nx\nhost b all 127.0.0.1 255.255.255.255 trust\nhostnossl all ann samenet "
              "reject\nhost all all samehost password\nhostgssenc all all all md5\n"
              "hostnogssenc all all fe80::1/64 md5\nhost all all \"all\" trust\n"},
        Named{"words",
              "ann\nann\n\nlocal sameuser,samerole,\"all\" \"a\"\"b\",+x trust # c\n"
              "local a\\\nb /^a(n+)$,\"/[[:alpha:]]{1,2}\" \\\n reject\n"},
        Named{
            "includes",
            "ann\nb\n\ninclude b\ninclude_if_exists c\ninclude_dir d\nlocal @b,x @\"f g\" "
            "trust\n\fb\nlocal all all trust\n\fd/1.conf\nhost all all all md5\n\ff g\nann,bob\n"},
        Named{"errors",
              "ann\nb\n\nlocal\nlocal all all ldap\nhost all all 1.2.3.4 trust\nhost all all "
              "1.2.3.4/33 md5\nhost all all a,b md5\nlocal all all md5 map=x\nlocal /( all md5\n"},
        Named{"no_type", "ann\nb\n\nnonsense all all 127.0.0.1/32 trust\n"},
        Named{"itself", "ann\nb\n\ninclude main\nlocal @main all trust\n"}}) {
    add("hba", "05 0a000001", seed);
    if (seed.first == "words" || seed.first == "includes") {
      add("hba", "00 00000000",
          {seed.first == "words" ? "words_local" : "includes_local", seed.second});
    }
  }
  for (const Named& seed :
       {Named{"names", "m\nann\nroot\nm root ann\nm \"a b\" +staff\nother x all\n"},
        Named{"group", "m\nann\nann@example.com\nm /^(.*)@example\\.com$ \\1\n"},
        Named{"no_group", "m\nann\nann\nm /^ann$ \"x\\1\"\n"},
        Named{"expressions", "m\nann\nbob\nm /^(b|c)*$ /n$\nm \"/a{2,3}\" \"all\"\n"},
        Named{"includes", "m\nann\nbob\ninclude b\nm @c @c\n\fb\nm bob ann\n\fc\nx"},
        Named{"errors", "\na\na\nm\nm a,b c\nm /[ d\nm the_name_of_a_system_user /(\n"}}) {
    add("ident", "", seed);
  }
}

void add_message_seeds(std::vector<Seed>& seeds) {
  const auto add = [&seeds](std::string_view fuzzer, std::string name, std::string_view text) {
    seeds.push_back({fuzzer, std::move(name), bytes(text)});
  };
  add("standby", "status",
      "\"r\" 0000000003015ff8 0000000003015ff8 0000000003000000 "
      "00030403 83be1edd 01");
  add("standby", "feedback", "\"h\" 0003040383be2750 000002d4 00000001 000002d0 00000000");
  add("standby", "unknown", "\"z\" 00");
  add("standby", "short", "\"r\" 00000000");
  const auto add_packets = [&seeds](std::string name, bool client_waits,
                                    std::initializer_list<std::string_view> bodies) {
    Bytes stream{std::byte{client_waits}};
    for (const std::string_view text : bodies) {
      const Bytes body = bytes(text);
      const Bytes length = bytes(runtime::format("{:08x}", sizeof(std::uint32_t) + body.size()));
      stream.insert(stream.end(), length.begin(), length.end());
      stream.insert(stream.end(), body.begin(), body.end());
    }
    seeds.push_back({"startup", std::move(name), std::move(stream)});
  };
  add_packets("cancel", true, {"04d2162e 00001267 deadbeef"});
  add_packets("encryption_twice", true, {"04d21630", "04d2162f", "04d2162f"});
  add_packets("encryption_pipelined", false, {"04d2162f", "00030000 00"});
  add_packets("version_2", true, {"00020000 00"});
  add_packets("long_user", true,
              {"00030000 \"replication\" 00 \"1\" 00 \"user\" 00 "
               "\"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\" 00 00"});
  add_packets("grease", true,
              {"0003270f \"_pq_.test_protocol_negotiation\" 0000 \"user\" 00 \"u\" 00 "
               "\"replication\" 00 \"true\" 00 00"});
  add_packets(
      "options", true,
      {"00030000 \"user\" 00 \"u\" 00 \"replication\" 00 \"on\" 00 \"options\" 00 \"-c "
       "wal_sender_timeout=5\\ s --application-name=a\\\\b -cclient_encoding=UTF8\" 00 00"});
  add("session", "a_stream", "00 47 00000000 0b 40 05 00400000 0b 05 85 00002000 0a 07 00");
  add("session", "two_and_a_slot",
      "00 10 43 01 03 0a 43 06 00000000 13 04 53 04 06 e8030000 00 00000000 00 07 00 4a 5a 08 5a");
  add("session", "temporary_and_gone", "00 43 02 43 06 00000000 08 00 43 05 4a");
  add("session", "ahead_and_stopped", "00 0c 02 ffffffff 43 07 80841e00 0c 07 4a");
  add("session", "half_a_message_and_the_end", "00 0d 64 09 4a 01 02 04 00000008 09");
  add("session", "feedback_of_another_epoch",
      "00 0c 04 e8030000 01 43 07 00000000 06 84030000 07 00000000 00 06 84030000 01 00000000 00");
  add("session", "stuck_and_removed", "00 0b 3f 0b 3f 0b 3f 43 07 00000000 40 0c 01 40 4a 4a 4a");
  add("framer", "extended", "07 \"P\" 00000008 00000000 \"B\" 00000004 \"S\" 00000004");
  add("framer", "empty_copy_data", "00 \"d\" 00000004 \"c\" 00000004 \"X\" 00000004");
  add("framer", "bad_type", "03 \"Q\" 00000006 \"x\" 00 \"p\" 00000008");
  add("framer", "bad_length", "03 \"H\" 00002711");
}

}  // namespace

std::vector<Seed> all_seeds() {
  std::vector<Seed> seeds;
  add_auth_seeds(seeds);
  add_wal_seeds(seeds);
  add_built_wal_seeds(seeds);
  add_text_seeds(seeds);
  add_access_file_seeds(seeds);
  add_slot_file_seeds(seeds);
  add_message_seeds(seeds);
  return seeds;
}

}  // namespace tests
