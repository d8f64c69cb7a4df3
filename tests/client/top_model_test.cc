#include "server/client/top_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace server::client {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

struct Standby {
  std::string pid;
  std::string name;
  std::string address;
  std::string sent;
  std::string flush;
};

Table standbys(const std::vector<Standby>& all) {
  Table table;
  for (const char* name :
       {"pid", "application_name", "client_addr", "client_port", "state", "sent_lsn", "write_lsn",
        "flush_lsn", "replay_lsn", "write_lag", "flush_lag", "replay_lag", "sync_state"}) {
    table.columns.push_back({name, 25});
  }
  for (const Standby& s : all) {
    table.rows.push_back({s.pid, s.name, s.address, "4000", "streaming", s.sent, s.flush, s.flush,
                          s.flush, std::nullopt, "00:00:01.5", std::nullopt, "async"});
  }
  return table;
}

TopModel::Answers answers(const std::string& end, const std::vector<Standby>& all) {
  TopModel::Answers answers;
  answers.server = {.columns = {{"version", 25}, {"end_lsn", 25}},
                    .rows = {{"PostgreSQL 15", end}}};
  answers.standbys = standbys(all);
  return answers;
}

struct TopModelTest : testing::Test {
  // The pids of the lines of standbys.
  std::vector<std::string> pids() const {
    std::vector<std::string> found;
    for (const std::string& line : model.lines(0, 0)) {
      const auto begin = line.find_first_not_of(' ');
      if (begin == std::string::npos || line[begin] < '0' || line[begin] > '9') continue;
      const std::string word = line.substr(begin, line.find(' ', begin) - begin);
      if (line.find("streaming ") > begin + 20 && line.find(" standbys") == std::string::npos) {
        found.push_back(word);
      }
    }
    return found;
  }
  void take(const std::string& end, const std::vector<Standby>& all) {
    model.take(answers(end, all), now);
  }

  TopModel model{Order::kLag, ""};
  runtime::Instant now{seconds(1000)};
  const std::vector<Standby> three{{"1", "beta", "192.0.2.1", "0/3000000", "0/3000000"},
                                   {"2", "alpha", "192.0.2.2", "0/3000000", "0/1000000"},
                                   {"3", "gamma", "", "0/2000000", "0/2000000"}};
};

TEST_F(TopModelTest, TheFarthestBehindComesFirst) {
  take("0/3000000", three);
  EXPECT_EQ(pids(), (std::vector<std::string>{"2", "3", "1"}));
  const auto lines = model.lines(0, 0);
  EXPECT_THAT(lines, testing::Contains(testing::AllOf(HasSubstr("alpha"), HasSubstr("32.0 MB"),
                                                      HasSubstr("1.5s"))));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("3 standbys, 3 streaming")));
}

TEST_F(TopModelTest, AnOrderIsChosenAndTurnedRound) {
  take("0/3000000", three);
  model.set_order(Order::kName);
  EXPECT_EQ(pids(), (std::vector<std::string>{"2", "1", "3"}));
  model.set_order(Order::kName);
  EXPECT_EQ(pids(), (std::vector<std::string>{"3", "1", "2"}));
}

TEST_F(TopModelTest, AFilterIsOfNamesAndAddresses) {
  take("0/3000000", three);
  model.set_filter("alp");
  EXPECT_EQ(pids(), std::vector<std::string>{"2"});
  model.set_filter("192.0.2.1");
  EXPECT_EQ(pids(), std::vector<std::string>{"1"});
  model.set_filter("[local]");
  EXPECT_EQ(pids(), std::vector<std::string>{"3"});
}

TEST_F(TopModelTest, ARateIsOfTheTimeBetweenTwoLooks) {
  take("0/1000000", {{"1", "a", "", "0/1000000", "0/1000000"}});
  now += seconds(2);
  take("0/1400000", {{"1", "a", "", "0/1200000", "0/1200000"}});
  const auto lines = model.lines(0, 0);
  EXPECT_THAT(lines,
              testing::Contains(testing::AllOf(HasSubstr("[local]"), HasSubstr("1.0 MB/s"))));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("at 2.0 MB/s")));
}

TEST_F(TopModelTest, NoLineIsLongerOrLowerThanTheScreen) {
  std::vector<Standby> many;
  for (int i = 0; i < 2000; ++i) {
    many.push_back({std::to_string(i), "n\u00fc\u2603" + std::to_string(i), "", "0/1", "0/1"});
  }
  take("0/1", many);
  for (const std::size_t height : {1u, 5u, 24u}) {
    const auto lines = model.lines(20, height);
    EXPECT_LE(lines.size(), height);
    for (const std::string& line : lines) EXPECT_LE(line.size(), 20u * 3);
  }
}

TEST_F(TopModelTest, AServerThatDoesNotAnswerIsNamedAboveWhatItSaidLast) {
  take("0/3000000", three);
  model.note_failure("connection refused\n\x1b");
  EXPECT_THAT(model.lines(0, 0), testing::Contains("no answer: connection refused??"));
  EXPECT_EQ(pids().size(), 3u);
  take("0/3000000", three);
  EXPECT_THAT(model.lines(0, 0), testing::Not(testing::Contains(HasSubstr("no answer"))));
}

}  // namespace
}  // namespace server::client
