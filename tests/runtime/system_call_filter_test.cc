#include "runtime/system_call_filter.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <future>
#include <string>

#include "runtime/file.h"
#include "runtime/thread.h"
#include "runtime/unattended_thread.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kPossible = false;  // a sanitizer makes calls of its own
#else
constexpr bool kPossible = true;
#endif

// A child under the filter, since nothing takes a filter back. What it has written to standard
// error is added to `said`.
bool under_filter(const SystemCallFilter& filter, const std::function<bool()>& is,
                  std::string* said = nullptr) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[1]);
    ::_exit(filter.install() && is() ? 0 : 1);
  }
  ::close(ends[1]);
  char buffer[4096];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    if (said != nullptr) said->append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_refused(int result) { return result != 0 && errno == EPERM; }

bool cannot_run_a_program() {
  char* const words[]{const_cast<char*>("true"), nullptr};
  return is_refused(::execv("/bin/true", words));
}

struct SystemCallFilterTest : testing::Test {
  void SetUp() override {
    if (!kPossible) GTEST_SKIP() << "not in a build with sanitizers";
  }
};

TEST_F(SystemCallFilterTest, LeavesFilesSocketsAndThreads) {
  const tests::TempDir dir;
  EXPECT_TRUE(under_filter({}, [&] {
    bool ran = false;
    {
      const NamedThread thread("t", [&](memctx::Context&) { ran = true; });
    }
    int pair[2];
    return ran && create_private_directory(dir.file("d")).has_value() &&
           open_for_writing(dir.file("d/f"), OpenMode::kNew).has_value() &&
           rename_file(dir.file("d/f"), dir.file("d/g")).has_value() &&
           unlink_file(dir.file("d/g")).has_value() &&
           ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
  }));
}

TEST_F(SystemCallFilterTest, RefusesProgramsAndSaysSo) {
  std::string said;
  EXPECT_TRUE(under_filter({}, cannot_run_a_program, &said));
  EXPECT_EQ(said, "walcast: seccomp: refused system call 59\n");
}

TEST_F(SystemCallFilterTest, RefusesWhatATakenServerWouldTry) {
  EXPECT_TRUE(under_filter({}, [] {
    return is_refused(static_cast<int>(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))) &&
           is_refused(::mount("none", "/", "tmpfs", 0, nullptr)) && is_refused(::setuid(1)) &&
           is_refused(::chroot("/")) && is_refused(::kill(::getppid(), SIGTERM));
  }));
}

TEST_F(SystemCallFilterTest, AThreadHasTheFilterOfTheOneThatStartsIt) {
  EXPECT_TRUE(under_filter({}, [] {
    bool refused = false;
    {
      const NamedThread thread("t", [&](memctx::Context&) { refused = cannot_run_a_program(); });
    }
    return refused;
  }));
}

TEST_F(SystemCallFilterTest, AThreadThatIsNotWaitedForIsRefusedToo) {
  EXPECT_TRUE(under_filter({}, [] {
    std::promise<bool> refused;
    return run_unattended("t", [&] { refused.set_value(cannot_run_a_program()); }).has_value() &&
           refused.get_future().get();
  }));
}

TEST_F(SystemCallFilterTest, LetsTheProcessAskWhetherAnotherLives) {
  EXPECT_TRUE(under_filter({}, [] { return ::kill(::getpid(), 0) == 0; }));
}

TEST_F(SystemCallFilterTest, CanLeaveProgramsToTheOperator) {
  EXPECT_TRUE(under_filter({.may_run_programs = true}, [] {
    const pid_t child = ::fork();
    if (child == 0) {
      char* const words[]{const_cast<char*>("true"), nullptr};
      ::execv("/bin/true", words);
      ::_exit(1);
    }
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
  }));
}

// As gpg and timeout do. The trap's handler is gone with the image, so that it had killed them.
TEST_F(SystemCallFilterTest, AProgramThatSendsASignalIsToldThatItMayNot) {
  EXPECT_TRUE(under_filter({.may_run_programs = true}, [] {
    const pid_t child = ::fork();
    if (child == 0) {
      char* const words[]{const_cast<char*>("sh"), const_cast<char*>("-c"),
                          const_cast<char*>("kill -TERM $PPID 2>/dev/null || exit 7"), nullptr};
      ::execv("/bin/sh", words);
      ::_exit(1);
    }
    int status = -1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
  }));
}

TEST_F(SystemCallFilterTest, SaysOnlyTheFirstRefusals) {
  std::string said;
  EXPECT_TRUE(under_filter(
      {},
      [] {
        for (int i = 0; i < 1000; ++i) static_cast<void>(::setuid(1));
        return true;
      },
      &said));
  EXPECT_EQ(static_cast<int>(std::count(said.begin(), said.end(), '\n')),
            SystemCallFilter::kRefusalsLogged);
}

}  // namespace
}  // namespace runtime
