#include "runtime/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

namespace runtime {
namespace {

struct MailboxTest : testing::Test {
  Doorbell bell;
  Mailbox mailbox{bell};
};

TEST_F(MailboxTest, RunsTasksInTheOrderOfTheirSender) {
  std::vector<int> ran;
  for (int i = 0; i < 5; ++i) mailbox.post([&ran, i] { ran.push_back(i); });
  EXPECT_TRUE(ran.empty());
  EXPECT_FALSE(mailbox.drain(100));
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(MailboxTest, RunsNoMoreThanItIsAllowed) {
  int ran = 0;
  for (int i = 0; i < 5; ++i) mailbox.post([&ran] { ++ran; });
  EXPECT_TRUE(mailbox.drain(3));
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(mailbox.drain(3));
  EXPECT_EQ(ran, 5);
}

TEST_F(MailboxTest, ATaskMayPostAnother) {
  int ran = 0;
  mailbox.post([this, &ran] { mailbox.post([&ran] { ++ran; }); });
  while (mailbox.drain(1)) {
  }
  EXPECT_EQ(ran, 1);
}

TEST_F(MailboxTest, RingsForEveryTask) {
  ASSERT_TRUE(bell.prepare_to_sleep());
  mailbox.post([] {});
  pollfd waiting{.fd = bell.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waiting, 1, 0), 1);
}

TEST_F(MailboxTest, WhatATaskHeldDiesWhenItHasRun) {
  auto held = std::make_shared<int>(1);
  mailbox.post([copy = held] {});
  mailbox.post([] {});
  EXPECT_TRUE(mailbox.drain(1));
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(MailboxTest, WhatIsLeftIsDestroyedUnrun) {
  auto held = std::make_shared<int>(1);
  bool ran = false;
  {
    Mailbox abandoned(bell);
    abandoned.post([copy = held, &ran] { ran = true; });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST_F(MailboxTest, ManySendersKeepTheirOwnOrder) {
  constexpr std::size_t kSenders = 4;
  constexpr int kEach = 5'000;
  std::array<int, kSenders> last{};
  int ran = 0;
  bool ordered = true;
  std::vector<std::thread> senders;
  for (std::size_t s = 0; s < kSenders; ++s) {
    senders.emplace_back([&, s] {
      for (int i = 1; i <= kEach; ++i) {
        mailbox.post([&, s, i] {
          ordered = ordered && last[s] + 1 == i;
          last[s] = i;
          ++ran;
        });
      }
    });
  }
  while (ran < static_cast<int>(kSenders) * kEach) mailbox.drain(64);
  for (std::thread& sender : senders) sender.join();
  EXPECT_TRUE(ordered);
  EXPECT_FALSE(mailbox.drain(1));
}

}  // namespace
}  // namespace runtime
