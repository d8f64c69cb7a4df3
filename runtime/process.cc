#include "runtime/process.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"

namespace runtime {

namespace {

// Like the umask, it is the process's.
std::atomic<bool> group_reads{false};

struct Account {
  uid_t user = 0;
  gid_t group = 0;
};

Result<Account> find_account(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  const int failed = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (failed != 0) return system_error(failed, format("could not look up user \"{}\"", name));
  if (found == nullptr) {
    return Error{.kind = &kInvalidParameterValue,
                 .what = format("user \"{}\" does not exist", name)};
  }
  return Account{.user = found->pw_uid, .group = found->pw_gid};
}

}  // namespace

bool is_root() { return ::geteuid() == 0; }

bool is_own_user() { return ::getuid() == ::geteuid(); }

// The groups first, which only root may change; the user last.
Result<void> become_user(const std::string& name) {
  DCHECK(is_root());
  const Account account = TRY(find_account(name));
  const bool done = ::initgroups(name.c_str(), account.group) == 0 &&
                    ::setresgid(account.group, account.group, account.group) == 0 &&
                    ::setresuid(account.user, account.user, account.user) == 0;
  if (!done) {
    const int sys_errno = errno;
    return system_error(sys_errno, format("could not become user \"{}\"", name));
  }
  if (account.user == 0) return {};
  CHECK(::setuid(0) != 0 && ::seteuid(0) != 0 && ::getuid() == account.user);
  return {};
}

void set_readers_of_new_files(Readers readers) {
  group_reads.store(readers == Readers::kGroup);
  ::umask(readers == Readers::kGroup ? 0027 : 0077);
}

mode_t mode_of_new_files() { return group_reads.load() ? 0640 : 0600; }

mode_t mode_of_new_directories() { return group_reads.load() ? 0750 : 0700; }

void set_dumpable(bool dumpable) { ::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0); }

}  // namespace runtime
