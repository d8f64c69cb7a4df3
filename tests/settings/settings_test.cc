#include "server/settings/settings.h"

#include <gtest/gtest.h>

#include "server/wal/format.h"
#include "server/wire/errors.h"

namespace server::settings {
namespace {

wal::Identity identity_of(int major, std::uint32_t segment_mb = 16) {
  return {.system_identifier = 1,
          .segment_size = wal::SegmentSize(segment_mb << 20),
          .page_magic = wal::page_magic(major).value()};
}

Settings settings_of(int major) {
  Settings settings;
  add_source_settings(identity_of(major), settings);
  return settings;
}

TEST(SettingsTest, AreFoundInAnyCaseAndKeepTheirOwn) {
  Settings settings;
  settings.set("TimeZone", "UTC", "d");
  for (const char* name : {"TimeZone", "timezone", "TIMEZONE"}) {
    ASSERT_NE(settings.find(name), nullptr) << name;
    EXPECT_EQ(settings.find(name)->name, "TimeZone");
  }
  EXPECT_EQ(settings.find("TimeZon"), nullptr);
  EXPECT_EQ(settings.find("TimeZones"), nullptr);
  EXPECT_EQ(settings.find(""), nullptr);
}

TEST(SettingsTest, AreInTheOrderOfTheirNames) {
  Settings settings;
  for (const char* name : {"b", "C", "a", "A2"}) settings.set(name, "", "");
  std::string order;
  for (const Setting& setting : settings.all()) order += setting.name + " ";
  EXPECT_EQ(order, "a A2 b C ");
}

// The source's wal_segment_size came beside the option of the same name, and SHOW all told both.
TEST(SettingsTest, ANewValueReplacesTheOldOne) {
  Settings settings;
  settings.set("wal_segment_size", "16MB", "of an option");
  settings.set("wal_segment_size", "1MB", "of the source");
  ASSERT_EQ(settings.all().size(), 1u);
  EXPECT_EQ(settings.find("wal_segment_size")->value, "1MB");
  EXPECT_EQ(settings.find("wal_segment_size")->description, "of the source");
}

TEST(SettingsTest, TellTheVersionOfTheWal) {
  for (int major = 13; major <= 18; ++major) {
    const Settings settings = settings_of(major);
    EXPECT_EQ(settings.find("server_version")->value,
              std::to_string(major) + ".0 (walcast " WALCAST_VERSION ")");
    EXPECT_EQ(settings.find("server_version_num")->value, std::to_string(major * 10000));
  }
}

// What pg_receivewal, pg_basebackup and walreceivers cannot do without.
TEST(SettingsTest, HaveWhatToolsAskFor) {
  const Settings settings = settings_of(15);
  EXPECT_EQ(settings.find("wal_segment_size")->value, "16MB");
  EXPECT_EQ(settings.find("data_directory_mode")->value, "0700");
  EXPECT_EQ(settings.find("integer_datetimes")->value, "on");
  EXPECT_EQ(settings.find("server_encoding")->value, "SQL_ASCII");
  EXPECT_EQ(settings.find("wal_block_size")->value, "8192");
}

TEST(SettingsTest, TellTheSegmentSizeAsPostgresDoes) {
  for (const auto& [megabytes, text] :
       {std::pair(1u, "1MB"), std::pair(64u, "64MB"), std::pair(1024u, "1GB")}) {
    Settings settings;
    add_source_settings(identity_of(15, megabytes), settings);
    EXPECT_EQ(settings.find("wal_segment_size")->value, text);
  }
}

TEST(ReportedSettingsTest, AreAsManyAsEachVersionReports) {
  const std::size_t counts[] = {11, 13, 13, 14, 14, 15};
  for (int major = 13; major <= 18; ++major) {
    EXPECT_EQ(reported_settings(identity_of(major)).size(), counts[major - 13]) << major;
  }
}

TEST(ReportedSettingsTest, AllHaveAValue) {
  for (int major = 13; major <= 18; ++major) {
    const Settings settings = settings_of(major);
    for (const std::string_view name : reported_settings(identity_of(major))) {
      ASSERT_NE(settings.find(name), nullptr) << name;
      EXPECT_EQ(settings.find(name)->name, name);
    }
  }
}

TEST(SettingsTest, AnUnknownOneIsAnUndefinedObject) {
  const runtime::Error error = unrecognized_parameter("x");
  EXPECT_EQ(error.what, "unrecognized configuration parameter \"x\"");
  EXPECT_EQ(error.kind->code, "42704");
}

}  // namespace
}  // namespace server::settings
