#include "runtime/errors.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace runtime {
namespace {

// errcode_for_file_access of PostgreSQL's elog.c.
TEST(SystemErrorTest, HasTheSqlstateThatPostgresGives) {
  const std::pair<int, std::string_view> expected[] = {
      {ENOENT, "58P01"}, {EACCES, "42501"}, {EPERM, "42501"},   {EROFS, "42501"},
      {ENOSPC, "53100"}, {EIO, "58030"},    {EMFILE, "53000"},  {ENFILE, "53000"},
      {EEXIST, "58P02"}, {EISDIR, "42809"}, {ENOTDIR, "42809"}, {ENOTEMPTY, "42809"},
      {EINVAL, "XX000"},
  };
  for (const auto& [sys_errno, code] : expected) {
    const Error error = system_error(sys_errno, "x");
    EXPECT_EQ(error.kind->code, code) << error.what;
    EXPECT_EQ(error.sys_errno, sys_errno);
  }
}

TEST(SystemErrorTest, EndsWithTheSystemsWords) {
  EXPECT_EQ(system_error(ENOENT, "could not open file \"a\"").what,
            "could not open file \"a\": No such file or directory");
}

}  // namespace
}  // namespace runtime
