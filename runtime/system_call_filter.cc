#include "runtime/system_call_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/check.h"
#include "runtime/errors.h"

namespace runtime {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

constexpr int kAllowed[] {
  // Files.
  SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev,
      SYS_openat, SYS_close, SYS_close_range, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs,
      SYS_fstatfs, SYS_faccessat, SYS_faccessat2, SYS_lseek, SYS_getdents64, SYS_mkdirat,
      SYS_renameat2, SYS_unlinkat, SYS_linkat, SYS_readlinkat, SYS_fchmod, SYS_fchmodat, SYS_fchown,
      SYS_fchownat, SYS_utimensat, SYS_truncate, SYS_ftruncate, SYS_fallocate, SYS_fsync,
      SYS_fdatasync, SYS_sync_file_range, SYS_fadvise64, SYS_readahead, SYS_flock, SYS_fcntl,
      SYS_dup, SYS_dup3, SYS_pipe2, SYS_ioctl, SYS_umask, SYS_getcwd, SYS_sendfile, SYS_splice,
      SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch,
      // Memory.
      SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_mincore, SYS_mlock,
      SYS_munlock, SYS_brk, SYS_membarrier,
      // Sockets.
      SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4,
      SYS_getsockname, SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_sendto, SYS_recvfrom,
      SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg, SYS_shutdown,
      // Waiting.
      SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_ppoll, SYS_pselect6, SYS_eventfd2,
      SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_nanosleep, SYS_clock_nanosleep,
      SYS_futex, SYS_sched_yield, SYS_restart_syscall,
      // Threads and signals.
      SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_get_robust_list, SYS_rseq,
      SYS_set_tid_address, SYS_exit, SYS_exit_group, SYS_tgkill, SYS_rt_sigaction,
      SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_rt_sigpending, SYS_sigaltstack,
      SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_sched_getparam, SYS_sched_getscheduler,
      SYS_prctl, SYS_getpriority, SYS_setpriority,
      // What the process is, and the time.
      SYS_gettid, SYS_getpid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,
      SYS_getgroups, SYS_getresuid, SYS_getresgid, SYS_prlimit64, SYS_getrlimit, SYS_setrlimit,
      SYS_getrusage, SYS_getrandom, SYS_uname, SYS_sysinfo, SYS_clock_gettime, SYS_clock_getres,
      SYS_gettimeofday, SYS_times, SYS_getcpu, SYS_capget,
#if defined(__x86_64__)
      // Older forms of the same.
      SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_mkdir, SYS_rmdir, SYS_rename, SYS_renameat,
      SYS_unlink, SYS_link, SYS_readlink, SYS_chmod, SYS_chown, SYS_utime, SYS_utimes, SYS_dup2,
      SYS_pipe, SYS_inotify_init, SYS_epoll_create, SYS_epoll_wait, SYS_poll, SYS_select,
      SYS_eventfd, SYS_arch_prctl, SYS_time, SYS_getdents, SYS_creat,
#endif
};

constexpr int kAllowedWithPrograms[] {
  SYS_execve, SYS_wait4, SYS_waitid, SYS_setpgid, SYS_getpgid, SYS_setsid, SYS_getsid, SYS_chdir,
      SYS_fchdir,
#if defined(__x86_64__)
      SYS_vfork, SYS_fork, SYS_getpgrp,
#endif
};

std::atomic<int> refusals{0};

// Nothing but what a signal handler may do.
void say_refused(int call) {
  if (refusals.fetch_add(1) >= SystemCallFilter::kRefusalsLogged) return;
  char digits[12];
  std::size_t at = sizeof(digits);
  digits[--at] = '\n';
  do {
    digits[--at] = static_cast<char>('0' + call % 10);
    call /= 10;
  } while (call > 0);
  constexpr char kWords[] = "walcast: seccomp: refused system call ";
  char line[sizeof(kWords) + sizeof(digits)];
  std::size_t size = 0;
  for (std::size_t i = 0; i + 1 < sizeof(kWords); ++i) line[size++] = kWords[i];
  while (at < sizeof(digits)) line[size++] = digits[at++];
  static_cast<void>(!::write(STDERR_FILENO, line, size));
}

// The kernel has not made the call; its caller is told that it may not.
void on_refused(int /*signal*/, siginfo_t* info, void* context) {
  const int before = errno;
  say_refused(info->si_syscall);
  errno = before;
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
  machine.regs[0] = static_cast<unsigned long long>(-EPERM);
#endif
}

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

sock_filter answer(std::uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }

// The next instruction if the loaded word is this value, else the one behind that.
sock_filter if_equal(std::uint32_t value) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
}

// kill() is left for one purpose: to ask whether a process lives.
void allow_signal_0(std::vector<sock_filter>& program, std::uint32_t refusal) {
  constexpr std::size_t kSecondArgument = offsetof(seccomp_data, args) + sizeof(std::uint64_t);
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 4));
  program.push_back(load(kSecondArgument));  // the low word: both machines are little-endian
  program.push_back(if_equal(0));
  program.push_back(answer(SECCOMP_RET_ALLOW));
  program.push_back(answer(refusal));
}

std::vector<sock_filter> program_of(const SystemCallFilter& filter) {
  std::vector<sock_filter> program;
  program.push_back(load(offsetof(seccomp_data, arch)));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  program.push_back(answer(SECCOMP_RET_KILL_PROCESS));
  program.push_back(load(offsetof(seccomp_data, nr)));
  const auto allow = [&program](int call) {
    program.push_back(if_equal(static_cast<std::uint32_t>(call)));
    program.push_back(answer(SECCOMP_RET_ALLOW));
  };
  for (const int call : kAllowed) allow(call);
  if (filter.may_run_programs) {
    for (const int call : kAllowedWithPrograms) allow(call);
  }
  // A program has no handler for the trap, and would be killed by it.
  const std::uint32_t refusal =
      filter.may_run_programs ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_TRAP;
  allow_signal_0(program, refusal);
  program.push_back(answer(refusal));
  return program;
}

}  // namespace

Result<void> SystemCallFilter::install() const {
  if (kArchitecture == 0) {
    return Error{.kind = &kObjectNotInPrerequisiteState,
                 .what = "seccomp is not supported by this build"};
  }
  struct sigaction action {};
  action.sa_sigaction = on_refused;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  CHECK(::sigaction(SIGSYS, &action, nullptr) == 0);
  std::vector<sock_filter> program = program_of(*this);
  const sock_fprog loaded{.len = static_cast<unsigned short>(program.size()),
                          .filter = program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &loaded, 0, 0) != 0) {
    const int sys_errno = errno;
    return system_error(sys_errno, "could not install the seccomp filter");
  }
  return {};
}

}  // namespace runtime
