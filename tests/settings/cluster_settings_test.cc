#include "server/settings/cluster_settings.h"

#include <gtest/gtest.h>

#include <string>

#include "server/settings/session_settings.h"
#include "server/wal/format.h"

namespace server::settings {
namespace {

struct ClusterSettingsTest : ::testing::Test {
  ClusterSettingsTest() {
    add_source_settings({.segment_size = wal::SegmentSize(std::uint32_t{16} << 20),
                         .page_magic = *wal::page_magic(15)},
                        settings);
  }
  // What SHOW answers; the error, with its code, if it does not.
  std::string shown(const std::string& name) const {
    const auto value = find_shown(settings, SessionSettings(), name);
    if (value) return value->value;
    return std::string(value.error().kind->code) + " " + value.error().what;
  }

  Settings settings;
};

TEST_F(ClusterSettingsTest, WhatThePrimaryHasSaidIsShown) {
  add_cluster_facts({{"data_checksums", "on"}, {"in_hot_standby", "on"}, {"port", "1"}}, settings);
  EXPECT_EQ(shown("data_checksums"), "on");
  EXPECT_EQ(shown("Data_Checksums"), "on");
  EXPECT_EQ(shown("in_hot_standby"), "on");
  EXPECT_EQ(settings.find("data_checksums")->context, SettingContext::kInternal);
  EXPECT_EQ(settings.find("port"), nullptr);
  add_cluster_facts({{"data_checksums", "off"}}, settings);
  EXPECT_EQ(shown("data_checksums"), "off");
  EXPECT_EQ(shown("in_hot_standby"), "on");
}

// Some had an answer that no cluster had given, and others were said not to exist.
TEST_F(ClusterSettingsTest, WhatNoPrimaryHasSaidIsRefusedAndNotMadeUp) {
  for (const char* name : {"block_size", "data_checksums", "full_page_writes", "max_connections",
                           "segment_size", "track_commit_timestamp", "wal_level"}) {
    EXPECT_EQ(shown(name),
              "55000 parameter \"" + std::string(name) + "\" of the cluster is not known");
  }
  EXPECT_EQ(shown("MAX_CONNECTIONS"),
            "55000 parameter \"max_connections\" of the cluster is not known");
  EXPECT_EQ(shown("archive_command"),
            "42704 unrecognized configuration parameter \"archive_command\"");
}

// Clients are told these at their start, and pg_receivewal asks for the mode.
TEST_F(ClusterSettingsTest, WhatToolsCannotDoWithoutHasAValueUntilThePrimaryTells) {
  EXPECT_EQ(shown("in_hot_standby"), "off");
  EXPECT_EQ(shown("default_transaction_read_only"), "off");
  EXPECT_EQ(shown("data_directory_mode"), "0700");
  add_cluster_facts({{"data_directory_mode", "0750"}}, settings);
  EXPECT_EQ(shown("data_directory_mode"), "0750");
}

TEST_F(ClusterSettingsTest, EachIsASettingOfPostgres) {
  for (const wal::ClusterFact& fact : wal::cluster_facts()) {
    EXPECT_TRUE(find_fixed_setting(fact.name) != nullptr ||
                find_session_setting(fact.name) != nullptr)
        << fact.name;
  }
}

}  // namespace
}  // namespace server::settings
