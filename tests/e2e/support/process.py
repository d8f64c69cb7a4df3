"""A child process that cannot outlive the test, and whose output can be read while it runs."""

import os
import re
import signal
import subprocess

from support.wait import wait_until

# PostgreSQL refuses to run as root, so a test run by root does everything as this user.
SERVER_USER = "postgres" if os.geteuid() == 0 else None


def as_server_user(argv):
    """`argv` run as the server user, and killed by the kernel when this process dies."""
    identity = []
    if SERVER_USER:
        identity = [f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--init-groups"]
    return ["setpriv", *identity, "--pdeathsig=KILL", *map(str, argv)]


def environment(extra=None):
    """Nothing of the caller's PG* settings, libpq's files at home or locale may change what a test
    sees."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return {**inherited, "HOME": "/nonexistent", "LC_ALL": "C", "TZ": "UTC", **(extra or {})}


class Process:
    """One child, its pid and its output files. `setpriv` execs, so the pid is the child's own."""

    def __init__(self, name, argv, output_base, cwd):
        self.name = name
        self.argv = list(map(str, argv))
        self.out_path = f"{output_base}.out"
        self.err_path = f"{output_base}.err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self._child = subprocess.Popen(as_server_user(argv), stdin=subprocess.DEVNULL,
                                           stdout=out, stderr=err, cwd=cwd, env=environment())

    @property
    def pid(self):
        return self._child.pid

    def alive(self):
        return self._child.poll() is None

    def stdout(self):
        return _read(self.out_path)

    def stderr(self):
        return _read(self.err_path)

    def wait(self, timeout=60):
        """The exit status; negative for a signal."""
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            still = f"{self.name} still runs after {timeout} s\n{self.tail()}"
            raise AssertionError(still) from None

    def send_signal(self, signum):
        if self.alive():
            self._child.send_signal(signum)

    def stop(self, signum=signal.SIGTERM, timeout=60):
        self.send_signal(signum)
        return self.wait(timeout)

    def kill(self):
        return self.stop(signal.SIGKILL)

    def kill_with_children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as children:
            family = [self.pid, *map(int, children.read().split())]
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has ended by itself
        self.wait()
        wait_until(lambda: not any(map(_runs, family)), f"the end of {family}")

    def count_in_log(self, pattern):
        return len(re.findall(pattern, self.stderr(), re.MULTILINE))

    def wait_for(self, pattern, stream="stderr", timeout=60):
        """The first match of `pattern` in the output; fails at once if the process has died."""
        def find():
            ended = not self.alive()
            match = re.search(pattern, getattr(self, stream)(), re.MULTILINE)
            if not match and ended:
                raise AssertionError(f"{self.name} ended before /{pattern}/\n{self.tail()}")
            return match
        return wait_until(find, lambda: f"/{pattern}/ from {self.name}\n{self.tail()}", timeout)

    def memory_kb(self, field="Rss"):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as rollup:
            return int(re.search(rf"^{field}:\s+(\d+) kB", rollup.read(), re.MULTILINE)[1])

    def tail(self, lines=40):
        state = "running" if self.alive() else f"exit status {self._child.returncode}"
        text = [f"--- {self.name} ({state}): {' '.join(self.argv)}"]
        for stream in (self.stdout(), self.stderr()):
            text += stream.splitlines()[-lines:]
        return "\n".join(text)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as output:
        return output.read()
