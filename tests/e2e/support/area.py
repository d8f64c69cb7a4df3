"""A test class's own corner of the machine: a temporary directory and the processes in it."""

import os
import shutil
import subprocess
import sys
import tempfile

from support.process import SERVER_USER, Process, as_server_user, environment


class Area:
    """Owns the directory and every process started in it; close() ends and removes them all. So does
    the end of a `with`, which prints what they have said if it was left by an error."""

    def __init__(self, directory=None):
        """In `directory`, or where temporary files are."""
        self.root = tempfile.mkdtemp(prefix="walcast-e2e-", dir=directory)
        self._processes = []
        self._spawned = 0  # so that no two processes have the same files for their output
        os.chmod(self.root, 0o755)
        self._give_away(self.root)

    def path(self, name):
        return os.path.join(self.root, name)

    def directory(self, name):
        """A new, empty directory that belongs to the server user."""
        path = self.path(name)
        os.makedirs(path)
        self._give_away(path)
        return path

    def copy_tree(self, source, name):
        """A copy with the owner and modes of the source, as PostgreSQL demands of its data."""
        target = self.path(name)
        subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)
        return target

    def write_file(self, path, content, mode="w"):
        """Writes a text file as the server user would have."""
        with open(path, mode, encoding="utf-8") as file:
            file.write(content)
        self._give_away(path)

    def copy_file(self, source, target):
        shutil.copy(source, target)
        self._give_away(target)

    def spawn(self, name, argv):
        """Starts a process in the area; its output goes to files that failures print."""
        process = Process(name, argv, self.path(f"{self._spawned:02}-{name}"), self.root)
        self._spawned += 1
        self._processes.append(process)
        return process

    def retire(self, process):
        """A process has ended as its test wanted: failures print its output no more."""
        assert not process.alive(), process.tail()
        self._processes.remove(process)
        for path in (process.out_path, process.err_path):
            os.remove(path)

    def run(self, argv, timeout=300, check=True, variables=None):
        """Runs a command to its end as the server user and returns it completed. `variables` are
        more of its environment."""
        done = subprocess.run(as_server_user(argv), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout, cwd=self.root,
                              env=environment(variables))
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))}: exit status {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def executable(self, path):
        """`path`, or a copy of it in the area if the server user cannot reach it there."""
        reachable = subprocess.run(as_server_user(["test", "-x", path]), check=False)
        if reachable.returncode == 0:
            return path
        copy = self.path(os.path.basename(path))
        if not os.path.exists(copy):
            shutil.copy(path, copy)
            os.chmod(copy, 0o755)
        return copy

    def logs(self):
        return "\n".join(process.tail() for process in self._processes)

    def close(self):
        for process in reversed(self._processes):
            process.kill()
        subprocess.run(["chmod", "-R", "u+rwX", self.root], check=False)
        shutil.rmtree(self.root)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is not None and (said := self.logs()):
                print(said, file=sys.stderr)
        finally:
            self.close()

    @staticmethod
    def _give_away(path):
        if SERVER_USER:
            shutil.chown(path, SERVER_USER, SERVER_USER)
