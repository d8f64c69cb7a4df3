#include "memctx/resource.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace memctx {
namespace {

TEST(ResourceTest, ContainersLiveInTheContext) {
  Context context("Message");
  Resource resource(context);
  std::pmr::map<int, std::pmr::string> names(&resource);
  for (int i = 0; i < 1000; ++i) {
    names.try_emplace(i, "a name too long for the string's own buffer " + std::to_string(i));
  }
  EXPECT_GT(context.stats().used_bytes(), 100'000u);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(std::string_view(names.at(i)),
              "a name too long for the string's own buffer " + std::to_string(i));
  }
}

TEST(ResourceTest, GivesNothingBackBeforeTheReset) {
  Context context("Message");
  Resource resource(context);
  { const std::pmr::vector<char> bytes(5000, 'x', &resource); }
  const Stats stats = context.stats();
  EXPECT_GE(stats.used_bytes(), 5000u);
  { const std::pmr::vector<char> bytes(5000, 'x', &resource); }
  EXPECT_GE(context.stats().used_bytes(), stats.used_bytes() + 5000);
  context.reset();
  EXPECT_LT(context.stats().used_bytes(), 100u);
}

TEST(ResourceTest, AlignsAsTheElementsNeed) {
  struct alignas(256) Wide {
    char bytes[256];
  };
  Context context("Message");
  Resource resource(context);
  static_cast<void>(context.allocate(1, 1));
  const std::pmr::vector<Wide> wide(3, &resource);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.data()) % 256, 0u);
}

TEST(ResourceTest, EqualsThoseOfTheSameContextOnly) {
  Context context("A");
  Context other("B");
  Resource a(context), same(context), b(other);
  EXPECT_EQ(a, same);
  EXPECT_NE(a, b);
  EXPECT_NE(a, *std::pmr::new_delete_resource());
}

}  // namespace
}  // namespace memctx
