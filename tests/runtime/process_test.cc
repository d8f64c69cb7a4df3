#include "runtime/process.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

// What these change is the whole process's, so that each is tried in a child. Returns whether `is`
// was true there.
bool in_child(const std::function<bool()>& is) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(is() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

TEST(ProcessTest, BecomesAUserAndIsNeverRootAgain) {
  if (!is_root()) GTEST_SKIP() << "only root can become another user";
  const passwd* const nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  const uid_t user = nobody->pw_uid;
  const gid_t group = nobody->pw_gid;
  EXPECT_TRUE(in_child([&] {
    if (!become_user("nobody") || is_root() || !is_own_user()) return false;
    gid_t groups[64];
    const int count = ::getgroups(64, groups);
    for (int i = 0; i < count; ++i) {
      if (groups[i] == 0) return false;
    }
    return ::getuid() == user && ::getgid() == group && ::getegid() == group && ::setuid(0) != 0 &&
           ::setgid(0) != 0;
  }));
}

TEST(ProcessTest, AUserThatIsNotThereIsNamed) {
  if (!is_root()) GTEST_SKIP() << "only root can become another user";
  const auto done = become_user("no such user");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "user \"no such user\" does not exist");
  EXPECT_TRUE(is_root());
}

TEST(ProcessTest, NewFilesAreTheOwnersOrTheGroupsToRead) {
  const tests::TempDir dir;
  EXPECT_TRUE(in_child([&] {
    ::umask(0);
    set_readers_of_new_files(Readers::kOwner);
    const bool made = open_for_writing(dir.file("private"), OpenMode::kNew).has_value() &&
                      create_private_directory(dir.file("private.d")).has_value();
    set_readers_of_new_files(Readers::kGroup);
    return made && open_for_writing(dir.file("shared"), OpenMode::kNew).has_value() &&
           create_private_directory(dir.file("shared.d")).has_value();
  }));
  EXPECT_EQ(mode_of(dir.file("private")), 0600u);
  EXPECT_EQ(mode_of(dir.file("private.d")), 0700u);
  EXPECT_EQ(mode_of(dir.file("shared")), 0640u);
  EXPECT_EQ(mode_of(dir.file("shared.d")), 0750u);
}

TEST(ProcessTest, CanKeepOthersOutOfItsMemory) {
  EXPECT_TRUE(in_child([] {
    set_dumpable(false);
    if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return false;
    set_dumpable(true);
    return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
  }));
}

}  // namespace
}  // namespace runtime
