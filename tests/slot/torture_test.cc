// kill -9 at random moments: what slots.h has promised must hold for the process that starts next.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "runtime/fd.h"
#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/slot/slot_files.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"

namespace tests {
namespace {

using server::slot::SlotInfo;
using server::slot::Slots;

// The process that does the steps (torture.cc), and what it says.
class Victim {
 public:
  Victim(const std::string& directory, std::uint32_t seed) {
    int ends[2];
    CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    CHECK(::fcntl(ends[0], F_SETPIPE_SZ, 4096) >= 0);
    const std::string seed_text = std::to_string(seed);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execl(WALCAST_SLOT_TORTURE, "slot_torture", directory.c_str(), seed_text.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ::fdopen(ends[0], "r");
    CHECK(out_ != nullptr);
  }
  ~Victim() {
    std::fclose(out_);
    if (pid_ > 0) kill();
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  // Nothing when it is dead and has nothing more to say.
  std::optional<std::string> line() {
    std::array<char, 256> buffer;
    if (std::fgets(buffer.data(), buffer.size(), out_) == nullptr) return std::nullopt;
    return std::string(buffer.data());
  }

  // Whether it was alive until now.
  bool kill() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    CHECK(::waitpid(pid_, &status, 0) == pid_);
    pid_ = 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

bool is_temporary(const std::string& file) { return file.ends_with(".tmp"); }

// What may be on disk, by what the victim has said.
class Model {
 public:
  // Returns whether the line says that a step is done.
  bool hear(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string name;
    std::uint64_t lsn = 0;
    std::string owner;
    words >> what >> name >> lsn >> owner;
    if (what == "creating") slots_[name] = {.values = {lsn}, .owner = owner};
    if (what == "created") slots_.at(name).is_certain = true;
    if (what == "advancing") slots_.at(name).values.push_back(lsn);
    if (what == "advanced") slots_.at(name).last_set = slots_.at(name).values.size() - 1;
    if (what == "dropping") slots_.at(name).is_certain = false;
    if (what == "dropped") slots_.erase(name);
    if (what == "saving") saving(name);
    if (what == "saved") saved(name);
    return what == "created" || what == "advanced" || what == "dropped" || line == "saved 0\n";
  }

  // What is there must be what was confirmed or begun; it is what the next victim begins with.
  void expect(const std::vector<SlotInfo>& found) {
    std::map<std::string, Known> next;
    for (const SlotInfo& slot : found) {
      const auto known = slots_.find(slot.name);
      ASSERT_NE(known, slots_.end()) << slot.name << " was dropped, or never created";
      EXPECT_THAT(known->second.values, testing::Contains(slot.restart_lsn.value())) << slot.name;
      EXPECT_EQ(slot.owner, known->second.owner) << slot.name;
      next[slot.name] = {
          .values = {slot.restart_lsn.value()}, .owner = slot.owner, .is_certain = true};
    }
    for (const auto& [name, known] : slots_) {
      EXPECT_TRUE(!known.is_certain || next.contains(name)) << name << " is gone";
    }
    slots_ = std::move(next);
  }

 private:
  struct Known {
    std::vector<std::uint64_t> values;  // each restart_lsn that may be on disk, oldest first
    std::string owner = {};
    std::size_t last_set = 0;  // the newest of them that is sure to have been set
    std::map<std::string, std::size_t> saving = {};  // by saver: last_set when its save began
    bool is_certain = false;                         // it exists: not being created or dropped
  };

  void saving(const std::string& saver) {
    for (auto& [name, slot] : slots_) {
      if (slot.is_certain) slot.saving[saver] = slot.last_set;
    }
  }

  // What was set when the save began is on disk now, or something later. A save passes over a slot
  // that is being dropped: until its file is gone, that may have what it had before.
  void saved(const std::string& saver) {
    for (auto& [name, slot] : slots_) {
      const auto from = slot.saving.find(saver);
      if (from == slot.saving.end()) continue;  // created since
      const std::size_t stale = from->second;
      slot.saving.erase(from);
      if (!slot.is_certain) continue;
      slot.values.erase(slot.values.begin(), slot.values.begin() + static_cast<long>(stale));
      slot.last_set -= stale;
      for (auto& [other, at] : slot.saving) at -= std::min(at, stale);
    }
  }

  std::map<std::string, Known> slots_;
};

// Kills one victim after the other in `directory`, until they have done so many steps.
void torture(const std::string& directory, int steps_min) {
  std::mt19937 random(tests::random_seed());
  Model model;
  int steps = 0;
  int lives = 0;
  int torn = 0;  // lives that ended while a state was being written
  for (; steps < steps_min && !testing::Test::HasFailure(); ++lives) {
    Victim victim(directory, static_cast<std::uint32_t>(random()));
    for (auto left = 1 + random() % 60; left > 0;) {
      const auto line = victim.line();
      ASSERT_TRUE(line.has_value()) << "the victim died by itself";
      if (model.hear(*line)) --left, ++steps;
    }
    EXPECT_TRUE(victim.kill());
    while (const auto line = victim.line()) steps += model.hear(*line) ? 1 : 0;
    torn += std::ranges::any_of(files_in(directory), is_temporary) ? 1 : 0;

    Slots slots({.directory = directory});
    ASSERT_EQ(said(slots.load()), "");
    model.expect(slots.all());
    for (const std::string& file : files_in(directory)) {
      EXPECT_THAT(file, testing::EndsWith(".slot"));  // nothing temporary, nothing corrupt
    }
  }
  std::printf("%d steps in %d lives, of which %d ended in the middle of a write\n", steps, lives,
              torn);
}

TEST(TortureTest, WhatWasConfirmedSurvivesKill9AtAnyMoment) {
  const TempDir dir(memory_directory());
  torture(dir.path(), 10'000);
}

// Where a write takes its time, most kills come in the middle of one.
TEST(TortureTest, WhatWasConfirmedSurvivesKill9OnADiskThatSyncs) {
  const TempDir dir;
  torture(dir.path(), 300);
}

}  // namespace
}  // namespace tests
