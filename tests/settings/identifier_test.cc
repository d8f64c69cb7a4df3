#include "server/settings/identifier.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/errors.h"

namespace server::settings {
namespace {

TEST(NoticesTest, AreTenOfAKindAtMost) {
  Notices notices;
  for (int i = 0; i < 100; ++i) {
    std::string name(64, 'n');
    truncate_identifier(name, notices);
    if (i % 20 == 0) {
      notices.push_back({.kind = &runtime::kNoPermission, .what = std::to_string(i)});
    }
  }
  limit_notices(notices);
  ASSERT_EQ(notices.size(), kNoticesOfAKindMax + 5);
  EXPECT_EQ(notices[1].what, "0") << "they keep their order";
  EXPECT_EQ(notices.back().what, "80");
}

}  // namespace
}  // namespace server::settings
