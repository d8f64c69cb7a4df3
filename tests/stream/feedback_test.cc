#include "server/stream/feedback.h"

#include <gtest/gtest.h>

namespace tests {

using server::stream::Feedback;
using server::wal::Lsn;

TEST(FeedbackTest, PositionsAreStoredAsGivenAlsoWhenTheyGoBack) {
  Feedback feedback;
  feedback.take(
      {.write = 300, .flush = 200, .apply = 100, .send_time = 7, .reply_requested = false});
  feedback.take({.write = 30, .flush = 900, .apply = 10, .send_time = 8, .reply_requested = true});
  EXPECT_EQ(feedback.write, Lsn(30));
  EXPECT_EQ(feedback.flush, Lsn(900));
  EXPECT_EQ(feedback.apply, Lsn(10));
  EXPECT_EQ(feedback.reply_time, 8);
}

TEST(FeedbackTest, AStandbyThatNeverFlushesAcknowledgesWhatItHasWritten) {
  Feedback feedback;
  EXPECT_FALSE(feedback.acknowledged().valid());
  feedback.take({.write = 300, .flush = 0, .apply = 0, .send_time = 1, .reply_requested = false});
  EXPECT_EQ(feedback.acknowledged(), Lsn(300));
  feedback.take({.write = 300, .flush = 200, .apply = 0, .send_time = 2, .reply_requested = false});
  EXPECT_EQ(feedback.acknowledged(), Lsn(200));
}

}  // namespace tests
