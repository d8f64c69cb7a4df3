#include "runtime/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

namespace runtime {
namespace {

using std::chrono::milliseconds;

// What is written while half of the work is done, 1 GB in a second.
struct Shown {
  explicit Shown(const Progress::Options& options, milliseconds step, int steps) {
    char* written = nullptr;
    std::size_t size = 0;
    std::FILE* out = ::open_memstream(&written, &size);
    runtime::FakeClock clock;
    {
      Progress progress(options, clock, out);
      for (int i = 0; i < steps; ++i) {
        clock.advance(step);
        progress.show(options.total_bytes / 2);
      }
      std::fflush(out);
      meanwhile.assign(written, size);
    }
    std::fclose(out);
    text.assign(written, size);
    std::free(written);
  }
  std::string meanwhile;
  std::string text;
};

constexpr std::uint64_t kTotal = 2ull << 30;

TEST(ProgressTest, OnATerminalItIsABarThatGoes) {
  const Shown shown({.is_terminal = true, .total_bytes = kTotal}, milliseconds(1000), 1);
  EXPECT_EQ(shown.meanwhile,
            "\r[####################....................]  50 %  1.0 of 2.0 GB, 1.00 GB/s\x1b[K");
  EXPECT_EQ(shown.text, shown.meanwhile + "\r\x1b[K");
}

TEST(ProgressTest, ANarrowTerminalHasAShorterBar) {
  const Shown shown({.is_terminal = true, .columns = 50, .total_bytes = kTotal}, milliseconds(1000),
                    1);
  EXPECT_EQ(shown.meanwhile, "\r[#######........]  50 %  1.0 of 2.0 GB, 1.00 GB/s\x1b[K");
}

TEST(ProgressTest, OneThatIsTooNarrowForABarHasTheWordsThatFit) {
  const Shown shown({.is_terminal = true, .columns = 20, .total_bytes = kTotal}, milliseconds(1000),
                    1);
  EXPECT_EQ(shown.meanwhile, "\r 50 %  1.0 of 2.0 G\x1b[K");
}

TEST(ProgressTest, ABarIsDrawnTenTimesASecond) {
  const Shown shown({.is_terminal = true, .total_bytes = kTotal}, milliseconds(10), 99);
  EXPECT_EQ(std::count(shown.meanwhile.begin(), shown.meanwhile.end(), '\r'), 9);
}

TEST(ProgressTest, ElsewhereItIsALineNowAndThen) {
  const Shown shown({.total_bytes = kTotal}, milliseconds(1000), 5);
  EXPECT_EQ(shown.text, " 50 %  1.0 of 2.0 GB, 0.20 GB/s\n");
}

TEST(ProgressTest, QuietIsQuiet) {
  EXPECT_EQ(
      Shown({.is_terminal = true, .quiet = true, .total_bytes = kTotal}, milliseconds(9000), 3)
          .text,
      "");
}

}  // namespace
}  // namespace runtime
