#include "runtime/print.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace runtime {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

TEST(PrintTest, WhatADiskDoesNotTakeIsAnError) {
  const std::unique_ptr<std::FILE, Close> full(std::fopen("/dev/full", "w"));
  ASSERT_NE(full, nullptr);
  const auto printed = print(full.get(), "text");
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error().sys_errno, ENOSPC);
  EXPECT_FALSE(print(full.get(), "")) << "an earlier write has failed";
}

TEST(PrintTest, WhatIsWrittenIsThere) {
  const std::unique_ptr<std::FILE, Close> file(std::tmpfile());
  ASSERT_TRUE(print(file.get(), "text"));
  std::rewind(file.get());
  char text[8] = "";
  EXPECT_EQ(std::fread(text, 1, sizeof(text), file.get()), 4u);
  EXPECT_STREQ(text, "text");
}

}  // namespace
}  // namespace runtime
