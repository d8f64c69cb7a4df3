#include "runtime/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

// The socket of a service manager; a leading NUL makes its name an abstract one.
class Socket {
 public:
  explicit Socket(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  // The next datagram; empty if there is none.
  std::string take() {
    std::array<char, 4096> buffer;
    const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  UniqueFd fd_;
};

TEST(ServiceManagerTest, IsToldByAPath) {
  const tests::TempDir dir;
  Socket socket(dir.file("notify"));
  ServiceManager manager(dir.file("notify"));
  EXPECT_TRUE(manager.present());
  manager.ready();
  EXPECT_EQ(socket.take(), "READY=1");
  manager.status("streaming\nat 0/1000000");
  EXPECT_EQ(socket.take(), "STATUS=streaming at 0/1000000");
  manager.status("streaming\nat 0/1000000");
  EXPECT_EQ(socket.take(), "") << "the same again says nothing";
  manager.reloading();
  const std::string reloading = socket.take();
  EXPECT_TRUE(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC=")) << reloading;
  manager.stopping();
  EXPECT_EQ(socket.take(), "STOPPING=1");
}

TEST(ServiceManagerTest, HearsThatTheProcessIsAlive) {
  const tests::TempDir dir;
  Socket socket(dir.file("notify"));
  ServiceManager manager(dir.file("notify"));
  manager.alive();
  EXPECT_EQ(socket.take(), "WATCHDOG=1");
}

TEST(ServiceManagerTest, WatchesForTheTimeThatTheEnvironmentNamesAndOnlyThisProcess) {
  const auto time = [](const char* micros, const std::string& pid) {
    ::unsetenv("WATCHDOG_PID");
    ::setenv("WATCHDOG_USEC", micros, 1);
    if (!pid.empty()) ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    const Duration found = ServiceManager::watchdog_time_of_environment();
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    return found;
  };
  const std::string self = std::to_string(::getpid());
  EXPECT_EQ(time("30000000", self), std::chrono::seconds(30));
  EXPECT_EQ(time("30000000", ""), std::chrono::seconds(30));
  EXPECT_EQ(time("30000000", "1"), Duration::zero());
  for (const char* none : {"", "x", "-5", "0"}) EXPECT_EQ(time(none, self), Duration::zero());
  EXPECT_EQ(ServiceManager::watchdog_time_of_environment(), Duration::zero());
}

TEST(ServiceManagerTest, IsToldByAnAbstractName) {
  const std::string name = "walcast-test-" + std::to_string(::getpid());
  Socket socket(std::string(1, '\0') + name);
  ServiceManager manager("@" + name);
  manager.ready();
  EXPECT_EQ(socket.take(), "READY=1");
}

TEST(ServiceManagerTest, MayBeMissingOrGone) {
  for (const std::string& name :
       {std::string(), std::string("@"), std::string("relative"), "/" + std::string(200, 'x'),
        std::string("/nonexistent/socket")}) {
    ServiceManager manager(name);
    EXPECT_EQ(manager.present(), name == "/nonexistent/socket") << name;
    manager.ready();
    manager.status("x");
  }
}

TEST(ServiceManagerTest, OneThatReadsNothingStopsNothing) {
  const tests::TempDir dir;
  Socket socket(dir.file("notify"));
  ServiceManager manager(dir.file("notify"));
  for (int i = 0; i < 10'000; ++i) manager.ready();
  EXPECT_EQ(socket.take(), "READY=1");
}

}  // namespace
}  // namespace runtime
