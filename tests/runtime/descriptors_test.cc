#include "runtime/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "runtime/fd.h"

namespace runtime {
namespace {

TEST(DescriptorsTest, ConnectionsLeaveToFilesWhatTheyMayNeed) {
  const auto limits = share_out_descriptors(/*limit=*/10'000, /*open=*/100, /*files_max=*/900);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->open_max, 9'000);
  EXPECT_EQ(limits->admitted_max, 9'000 - 64);
}

TEST(DescriptorsTest, FilesGetHalfWhereThereAreFew) {
  const auto limits = share_out_descriptors(/*limit=*/100, /*open=*/30, /*files_max=*/900);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->open_max, 35);
  EXPECT_EQ(limits->admitted_max, 31) << "some are to be told that there are too many";
}

TEST(DescriptorsTest, ThereMustBeSome) {
  EXPECT_TRUE(share_out_descriptors(46, 30, 900));
  const auto limits = share_out_descriptors(45, 30, 900);
  ASSERT_FALSE(limits);
  EXPECT_EQ(limits.error().what, "insufficient file descriptors available to start server process");
  EXPECT_EQ(limits.error().detail, "System allows 45, server needs at least 46.");
  EXPECT_EQ(limits.error().kind->code, "53000");
  EXPECT_FALSE(share_out_descriptors(10, 30, 900));
}

TEST(DescriptorsTest, WhatIsOpenIsCounted) {
  const std::int64_t before = count_open_descriptors();
  EXPECT_GE(before, 3);
  const UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(count_open_descriptors(), before + 1);
}

TEST(DescriptorsTest, TheLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(static_cast<rlim_t>(raise_descriptor_limit()), before.rlim_max);
  rlimit raised{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &raised), 0);
  EXPECT_EQ(raised.rlim_cur, before.rlim_max);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace runtime
