#include "runtime/unix_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "runtime/errors.h"
#include "runtime/socket.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class UnixSocketTest : public testing::Test {
 protected:
  UnixSocket::Options options() const {
    return {.directory = dir.path(),
            .port = 5433,
            .group = "",
            .server_directory = "/srv/wal",
            .backlog = 8};
  }
  void write_lock(const std::string& text) const { std::ofstream(lock) << text; }
  std::string read_lock() const {
    std::ostringstream text;
    text << std::ifstream(lock).rdbuf();
    return text.str();
  }
  Error refused() const { return UnixSocket::listen(options()).error(); }

  // Connects to a name, which is abstract if it begins with a NUL.
  static UniqueFd connect(const std::string& name) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const std::size_t end = name.front() == '\0' ? 0 : 1;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + end);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) fd.reset();
    return fd;
  }

  const tests::TempDir dir;
  const std::string path = dir.file(".s.PGSQL.5433");
  const std::string lock = path + ".lock";
};

TEST_F(UnixSocketTest, ListensWhereLibpqLooksAndGoesWithItsFiles) {
  {
    auto made = UnixSocket::listen(options());
    ASSERT_TRUE(made) << made.error().what;
    EXPECT_EQ((*made)->path(), path);
    EXPECT_THAT(read_lock(), StartsWith(std::to_string(::getpid()) + "\n/srv/wal\n"));
    EXPECT_THAT(read_lock(), HasSubstr("\n5433\n" + dir.path() + "\n"));
    const UniqueFd listening = (*made)->take_fd();
    const UniqueFd client = connect(path);
    ASSERT_TRUE(client);
    const Accepted accepted = accept_from(listening.get());
    ASSERT_TRUE(accepted.fd);
    EXPECT_EQ(accepted.peer.text(), "[local]");
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST_F(UnixSocketTest, TheSocketHasThePermissionsThatItIsToHave) {
  UnixSocket::Options wanted = options();
  wanted.permissions = 0710;
  wanted.group = std::to_string(::getegid());
  const auto made = UnixSocket::listen(wanted);
  ASSERT_TRUE(made) << made.error().what;
  struct stat status;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0710u);
  ASSERT_EQ(::stat(lock.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(UnixSocketTest, AGroupThatIsNotThereIsAnErrorAndLeavesNoFile) {
  UnixSocket::Options wanted = options();
  wanted.group = "no such group";
  EXPECT_EQ(UnixSocket::listen(wanted).error().what, "group \"no such group\" does not exist");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST_F(UnixSocketTest, OneThatAnotherProcessHasIsLeftAlone) {
  write_lock(std::to_string(::getppid()) + "\n/srv/other\n");
  const UniqueFd others(::open(path.c_str(), O_CREAT, 0600));
  const Error error = refused();
  EXPECT_EQ(error.kind, &kLockFileExists);
  EXPECT_EQ(error.what, "lock file \"" + lock + "\" already exists");
  EXPECT_EQ(error.hint, "Is another postmaster (PID " + std::to_string(::getppid()) +
                            ") using socket file \"" + path + "\"?");
  EXPECT_EQ(UnixSocket::look(options()).error().what, error.what);
  EXPECT_THAT(read_lock(), HasSubstr("/srv/other"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

// No process has the largest number.
TEST_F(UnixSocketTest, WhatACrashHasLeftIsTakenOver) {
  write_lock("2147483647\n/srv/other\n");
  { const UniqueFd left(::open(path.c_str(), O_CREAT, 0600)); }
  EXPECT_TRUE(UnixSocket::look(options()));
  const auto made = UnixSocket::listen(options());
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_THAT(read_lock(), HasSubstr("/srv/wal"));
  EXPECT_TRUE(connect(path));
}

TEST_F(UnixSocketTest, ALockFileThatSaysNothingIsAnError) {
  write_lock("");
  EXPECT_EQ(refused().what, "lock file \"" + lock + "\" is empty");
  write_lock("walcast\n");
  EXPECT_EQ(refused().what, "bogus data in lock file \"" + lock + "\": \"walcast\n\"");
  EXPECT_EQ(read_lock(), "walcast\n");
}

TEST_F(UnixSocketTest, APathIsNoLongerThanTheKernelTakesIt) {
  UnixSocket::Options wanted = options();
  wanted.directory = "/" + std::string(200, 'x');
  const std::string what = UnixSocket::listen(wanted).error().what;
  EXPECT_THAT(what, StartsWith("Unix-domain socket path \"/xxx"));
  EXPECT_THAT(what, HasSubstr("\" is too long (maximum 107 bytes)"));
}

TEST_F(UnixSocketTest, ADirectoryThatIsNotThereIsAnError) {
  UnixSocket::Options wanted = options();
  wanted.directory = dir.file("missing");
  const std::string said = "could not create lock file \"" + wanted.directory +
                           "/.s.PGSQL.5433.lock\": No such file or directory";
  EXPECT_EQ(UnixSocket::listen(wanted).error().what, said);
  EXPECT_EQ(UnixSocket::look(wanted).error().what, said);
}

TEST_F(UnixSocketTest, AnAbstractNameHasNoFiles) {
  UnixSocket::Options wanted = options();
  wanted.directory = "@" + dir.path().substr(1);
  auto made = UnixSocket::listen(wanted);
  ASSERT_TRUE(made) << made.error().what;
  std::string name = wanted.directory + "/.s.PGSQL.5433";
  name.front() = '\0';
  EXPECT_TRUE(connect(name));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  const Error error = UnixSocket::listen(wanted).error();
  EXPECT_THAT(error.what, HasSubstr("Address already in use"));
  EXPECT_EQ(error.hint, "Is another postmaster already running on port 5433?");
}

// A Unix socket does not throw bytes away within the kernel.
TEST_F(UnixSocketTest, WhatAClientHasSentCanBeDropped) {
  std::array<int, 2> ends;
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd peer(ends[1]);
  const std::string sent(40'000, 'x');
  ASSERT_EQ(::write(peer.get(), sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
  std::size_t dropped = 0;
  IoResult result{};
  while ((result = discard(ours.get(), 1 << 20)).status == IoResult::Status::kDone) {
    dropped += result.bytes;
  }
  EXPECT_EQ(result.status, IoResult::Status::kBlocked);
  EXPECT_EQ(dropped, sent.size());
}

// Another server may have removed what it took for left over, and made its own.
TEST_F(UnixSocketTest, FilesOfAnotherProcessAreLeftAtTheEnd) {
  auto made = UnixSocket::listen(options());
  ASSERT_TRUE(made);
  for (const std::string& name : {path, lock}) {
    std::filesystem::rename(name, name + ".old");  // so that the number is not used again
    std::ofstream(name) << "another's";
  }
  made->reset();
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::exists(lock));
}

TEST_F(UnixSocketTest, ATouchMakesBothFilesYoung) {
  const auto made = UnixSocket::listen(options());
  ASSERT_TRUE(made);
  for (const std::string& name : {path, lock}) {
    const std::array<timespec, 2> long_ago{};
    ASSERT_EQ(::utimensat(AT_FDCWD, name.c_str(), long_ago.data(), 0), 0);
  }
  (*made)->touch();
  for (const std::string& name : {path, lock}) {
    struct stat status {};
    ASSERT_EQ(::stat(name.c_str(), &status), 0);
    EXPECT_GT(status.st_mtime, 0) << name;
    EXPECT_GT(status.st_atime, 0) << name;
  }
}

}  // namespace
}  // namespace runtime
