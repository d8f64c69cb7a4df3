#include "server/settings/setting_value.h"

#include <gtest/gtest.h>

#include <string>

#include "server/settings/postgres_settings.h"

// The expected values and words are those that PostgreSQL 15 gives for the same.

namespace server::settings {
namespace {

std::string parsed(std::string_view name, std::string_view text) {
  const auto value = parse_setting(*find_session_setting(name), text);
  if (value) return value->shown;
  const runtime::Error& error = value.error();
  std::string told = "! " + error.what;
  if (!error.detail.empty()) told += " / " + error.detail;
  if (!error.hint.empty()) told += " / " + error.hint;
  return told;
}

TEST(SettingValueTest, IntegersHaveUnitsAndAreShownInTheLargest) {
  EXPECT_EQ(parsed("wal_sender_timeout", "5000"), "5s");
  EXPECT_EQ(parsed("wal_sender_timeout", "0x10"), "16ms");
  EXPECT_EQ(parsed("wal_sender_timeout", "1.5s"), "1500ms");
  EXPECT_EQ(parsed("wal_sender_timeout", " 2 min "), "2min");
  EXPECT_EQ(parsed("wal_sender_timeout", "0"), "0");
  EXPECT_EQ(parsed("wal_sender_timeout", "1d"), "1d");
  EXPECT_EQ(parsed("work_mem", "1TB"), "1TB");
  EXPECT_EQ(parsed("work_mem", "1024"), "1MB");
  EXPECT_EQ(parsed("backend_flush_after", "16"), "128kB");
  EXPECT_EQ(parsed("extra_float_digits", "-3"), "-3");
  EXPECT_EQ(parsed("log_temp_files", "-1"), "-1");
  EXPECT_EQ(parsed("tcp_keepalives_idle", "1min"), "60");
}

TEST(SettingValueTest, WrongIntegersAreToldApart) {
  EXPECT_EQ(parsed("wal_sender_timeout", "abc"),
            "! invalid value for parameter \"wal_sender_timeout\": \"abc\"");
  EXPECT_EQ(parsed("wal_sender_timeout", "5q"),
            "! invalid value for parameter \"wal_sender_timeout\": \"5q\" / Valid units for this "
            "parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".");
  EXPECT_EQ(parsed("work_mem", "5q"),
            "! invalid value for parameter \"work_mem\": \"5q\" / Valid units for this parameter "
            "are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
  EXPECT_EQ(parsed("wal_sender_timeout", "-1"),
            "! -1 ms is outside the valid range for parameter \"wal_sender_timeout\" (0 .. "
            "2147483647)");
  EXPECT_EQ(parsed("wal_sender_timeout", "99999999999"),
            "! invalid value for parameter \"wal_sender_timeout\": \"99999999999\" / Value exceeds "
            "integer range.");
  EXPECT_EQ(parsed("backend_flush_after", "9MB"),
            "! 1152 8kB is outside the valid range for parameter \"backend_flush_after\" (0 .. "
            "256)");
  EXPECT_EQ(parsed("extra_float_digits", "100"),
            "! 100 is outside the valid range for parameter \"extra_float_digits\" (-15 .. 3)");
  EXPECT_EQ(parsed("extra_float_digits", "1s"),
            "! invalid value for parameter \"extra_float_digits\": \"1s\"");
}

TEST(SettingValueTest, Reals) {
  EXPECT_EQ(parsed("seq_page_cost", "1.50"), "1.5");
  EXPECT_EQ(parsed("vacuum_cost_delay", "1.5"), "1500us");
  EXPECT_EQ(parsed("seq_page_cost", "x"), "! invalid value for parameter \"seq_page_cost\": \"x\"");
  EXPECT_EQ(parsed("seq_page_cost", "-1"),
            "! -1 is outside the valid range for parameter \"seq_page_cost\" (0 .. "
            "1.79769e+308)");
  EXPECT_EQ(parsed("hash_mem_multiplier", "0.5"),
            "! 0.5 is outside the valid range for parameter \"hash_mem_multiplier\" (1 .. 1000)");
}

TEST(SettingValueTest, BooleansMayBeCutShort) {
  for (const char* yes : {"on", "t", "TRU", "yes", "y", "1"}) {
    EXPECT_EQ(parsed("enable_sort", yes), "on") << yes;
  }
  for (const char* no : {"off", "of", "f", "no", "N", "0"}) {
    EXPECT_EQ(parsed("enable_sort", no), "off") << no;
  }
  for (const char* neither : {"", "o", "maybe", "truer", "2"}) {
    EXPECT_EQ(parsed("enable_sort", neither),
              "! parameter \"enable_sort\" requires a Boolean value");
  }
}

TEST(SettingValueTest, ChoicesAreWholeWordsInAnyCase) {
  EXPECT_EQ(parsed("bytea_output", "HEX"), "hex");
  EXPECT_EQ(parsed("synchronous_commit", "true"), "on");
  EXPECT_EQ(parsed("synchronous_commit", "remote_apply"), "remote_apply");
  EXPECT_EQ(parsed("bytea_output", "true"),
            "! invalid value for parameter \"bytea_output\": \"true\" / Available values: escape, "
            "hex.");
  EXPECT_EQ(parsed("synchronous_commit", "tru").front(), '!');
}

TEST(SettingValueTest, EncodingsHaveManyNames) {
  for (const char* name : {"utf8", "UTF-8", "utf_8"}) {
    EXPECT_EQ(parsed("client_encoding", name), "UTF8") << name;
  }
  EXPECT_EQ(parsed("client_encoding", "UNICODE"), "UNICODE");
  EXPECT_EQ(parsed("client_encoding", "Unicode"), "UTF8");
  EXPECT_EQ(parsed("client_encoding", "UNI_CODE"), "UTF8");
  EXPECT_EQ(parsed("client_encoding", "iso-8859-1"), "LATIN1");
  EXPECT_EQ(parsed("client_encoding", "alt"), "WIN866");
  EXPECT_EQ(parsed("client_encoding", "no_such"),
            "! invalid value for parameter \"client_encoding\": \"no_such\"");
  EXPECT_EQ(parsed("client_encoding", "").front(), '!');
}

TEST(SettingValueTest, DateStyles) {
  EXPECT_EQ(parsed("datestyle", "iso"), "ISO, MDY");
  EXPECT_EQ(parsed("datestyle", "german"), "German, DMY");
  EXPECT_EQ(parsed("datestyle", "German, YMD"), "German, YMD");
  EXPECT_EQ(parsed("datestyle", "euro"), "ISO, DMY");
  EXPECT_EQ(parsed("datestyle", "postgres , us"), "Postgres, MDY");
  EXPECT_EQ(parsed("datestyle", "Foo"),
            "! invalid value for parameter \"DateStyle\": \"Foo\" / Unrecognized key word: "
            "\"foo\".");
  EXPECT_EQ(parsed("datestyle", "iso, sql"),
            "! invalid value for parameter \"DateStyle\": \"iso, sql\" / Conflicting \"datestyle\" "
            "specifications.");
}

TEST(SettingValueTest, ListsOfNames) {
  const std::string syntax = " / List syntax is invalid.";
  for (const char* name : {"search_path", "temp_tablespaces", "DateStyle",
                           "wal_consistency_checking", "restrict_nonsystem_relation_kind"}) {
    for (const char* text : {"a,,b", "\"a", "a b", "a,", ",a", "\"a\"b", "\"\"\"", ","}) {
      EXPECT_EQ(parsed(name, text), "! invalid value for parameter \"" + std::string(name) +
                                        "\": \"" + text + "\"" + syntax);
    }
  }
  for (const char* text : {"", " ", "a", " A , \"B c\",\"d\"\"e\" ", "\"\"", "$user", "a.\"b\""}) {
    EXPECT_EQ(parsed("search_path", text), text);
  }
  EXPECT_EQ(parsed("datestyle", "\"iso\" , DMY"), "ISO, DMY");
  EXPECT_EQ(parsed("datestyle", " "), "ISO, MDY");
}

TEST(SettingValueTest, ListsOfWords) {
  for (const char* text : {"", "all", "Heap, \"btree\"", "generic,SPGIST"}) {
    EXPECT_EQ(parsed("wal_consistency_checking", text), text);
  }
  EXPECT_EQ(parsed("wal_consistency_checking", "heap, XLOG"),
            "! invalid value for parameter \"wal_consistency_checking\": \"heap, XLOG\" / "
            "Unrecognized key word: \"xlog\".");
  EXPECT_EQ(parsed("restrict_nonsystem_relation_kind", "view, foreign-table"),
            "view, foreign-table");
  EXPECT_EQ(parsed("restrict_nonsystem_relation_kind", "table").front(), '!');
}

TEST(SettingValueTest, StringsThatMayNotBeAnything) {
  EXPECT_EQ(parsed("backtrace_functions", "f_1, G\n"), "f_1, G\n");
  EXPECT_EQ(parsed("backtrace_functions", "f-1"),
            "! invalid value for parameter \"backtrace_functions\": \"f-1\" / invalid character");
  EXPECT_EQ(parsed("default_table_access_method", ""),
            "! invalid value for parameter \"default_table_access_method\": \"\" / "
            "default_table_access_method cannot be empty.");
  for (const std::string name : {"lc_messages", "TimeZone"}) {
    EXPECT_EQ(parsed(name, ""), "! invalid value for parameter \"" + name + "\": \"\"");
  }
  EXPECT_EQ(parsed("lc_monetary", ""), "") << "that of the server's environment";
}

TEST(SettingValueTest, WhatAnApplicationNameMayNotShowIsReplaced) {
  EXPECT_EQ(parsed("application_name", "a\xc3\xbc\tb~"), "a???b~");
}

// The tables are searched by halves.
TEST(PostgresSettingsTest, EverySettingIsFoundByItsNameInAnyCase) {
  for (const char* name :
       {"allow_in_place_tablespaces", "DATESTYLE", "timezone", "zero_damaged_pages", "xmloption",
        "transaction_read_only", "role", "seed"}) {
    EXPECT_NE(find_session_setting(name), nullptr) << name;
    EXPECT_EQ(find_fixed_setting(name), nullptr) << name;
  }
  for (const char* name : {"block_size", "FSYNC", "port", "is_superuser", "wal_segment_size",
                           "archive_mode", "work_mem_not"}) {
    EXPECT_EQ(find_session_setting(name), nullptr) << name;
  }
  EXPECT_EQ(find_fixed_setting("FSYNC")->context, SettingContext::kSighup);
  EXPECT_EQ(find_fixed_setting("port")->context, SettingContext::kPostmaster);
  EXPECT_EQ(find_fixed_setting("is_superuser")->context, SettingContext::kInternal);
  EXPECT_EQ(find_fixed_setting("work_mem_not"), nullptr);
}

// What PostgreSQL starts with is a value that it takes.
TEST(PostgresSettingsTest, InitialValuesAreValid) {
  for (const char* name : {"work_mem", "wal_sender_timeout", "DateStyle", "client_encoding",
                           "vacuum_cost_delay", "transaction_isolation", "log_min_messages"}) {
    const SettingDefinition& definition = *find_session_setting(name);
    EXPECT_TRUE(parse_setting(definition, definition.initial).has_value()) << name;
  }
}

}  // namespace
}  // namespace server::settings
