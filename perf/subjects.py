"""The servers that are measured side by side, each between a primary and its standbys."""

import os
import shutil
import time

# tests/e2e/support
from support.forwarder import Forwarder, SendfileLoop
from support.walcast import Walcast

_SLOT = "walcast"


def cpu_ns(pid):
    """User and system time of a process, those of its threads included that have ended: its
    CPU-time clock, as clock_getcpuclockid(3) names it."""
    cpuclock_sched = 2
    return time.clock_gettime_ns((~pid << 3) | cpuclock_sched)


class Subject:
    """A server between the writer and the standbys: how it is started, and what it has used."""

    def __init__(self, area, label, primary):
        self.area = area
        self.label = label
        self.primary = primary

    def start(self):
        """Returns the port for standbys."""
        raise NotImplementedError

    def process(self):
        """The server's own; its children are part of it."""
        raise NotImplementedError

    def pids(self):
        """Of what serves the standbys."""
        return [self.process().pid]

    def stop(self):
        self.process().stop()

    def cpu_ns(self):
        return sum(map(cpu_ns, self.pids()))

    def report(self):
        """What one that has stopped says of where its deliveries spent their time, if it does."""
        return ""


class Directly(Subject):
    """No server between: the primary's walsenders."""

    def start(self):
        return self.primary.port

    def process(self):
        return self.primary.process

    def pids(self):
        return map(int, self.primary.sql("SELECT pid FROM pg_stat_replication").split())

    def stop(self):
        pass


class Cascade(Subject):
    """A standby of the primary, whose walsenders serve the others: a cold copy that goes on where
    it was stopped."""

    def __init__(self, area, label, primary, standby):
        super().__init__(area, label, primary)
        self._standby = standby

    def start(self):
        self._standby.start()
        return self._standby.port

    def process(self):
        return self._standby.process

    def stop(self):
        self._standby.stop()


class Bare(Subject):
    """bench/forwarder.cc."""

    _forwarder = None

    def start(self):
        self._forwarder = Forwarder(self.area, self.primary.port)
        return self._forwarder.port

    def process(self):
        return self._forwarder.process


class BareFiles(Subject):
    """bench/sendfile_loop.cc on a directory that does not change."""

    _loop = None

    def __init__(self, area, label, primary, directory):
        super().__init__(area, label, primary)
        self._directory = directory

    def start(self):
        self._loop = SendfileLoop(self.area, self._directory)
        return self._loop.port

    def process(self):
        return self._loop.process


class BuiltWalcast(Walcast):
    """A walcast of a build of its own."""

    def __init__(self, area, path, **options):
        self._path = path
        super().__init__(area, **options)

    def _command(self, argv):
        return [self._path, *argv[1:]]


class WalcastSubject(Subject):
    """A walcast with the options that its kind of source takes."""

    _walcast = None

    def __init__(self, area, label, primary, path, **options):
        super().__init__(area, label, primary)
        self._path = _reachable_copy(area, label, path)
        self._options = options

    def start(self):
        self._walcast = BuiltWalcast(self.area, self._path, **self.source(), **self._options)
        return self._walcast.port

    def source(self):
        """The options that say where the WAL comes from."""
        raise NotImplementedError

    def process(self):
        return self._walcast.process

    def stop(self):
        self._walcast.stop()

    def report(self):
        """With --latency-report."""
        _, begin, text = self.process().stdout().rpartition("walcast: latency of ")
        return begin and begin + text


class Relay(WalcastSubject):
    """A walcast with a new spool."""

    def __init__(self, area, label, primary, path, **options):
        super().__init__(area, label, primary, path, **options)
        self._spool = area.path(f"spool-{label}")

    def source(self):
        return {"spool_directory": self._spool, "primary_conninfo": self.primary.conninfo()}

    def stop(self):
        super().stop()
        shutil.rmtree(self._spool)


class Attach(WalcastSubject):
    """A walcast on the primary's own WAL, with a slot there."""

    def source(self):
        return {"wal_directory": self.primary.wal_path, "primary_slot_name": _SLOT,
                "primary_conninfo": self.primary.conninfo(), "create_primary_slot": True}


class Directory(WalcastSubject):
    """A walcast on files that it hears of by the file system alone."""

    def __init__(self, area, label, primary, path, directory, **options):
        super().__init__(area, label, primary, path, **options)
        self._directory = directory

    def source(self):
        return {"wal_directory": self._directory}


def _reachable_copy(area, label, path):
    """The server user may not reach the build, and another build may have the same name."""
    copy = area.path(f"walcast-{label}")
    shutil.copy(path, copy)
    os.chmod(copy, 0o755)
    return copy
