"""What all loads stand on: the clusters, how a subject is made, and hosts that are played by
processors."""

import contextlib
import json
import os

from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import binary, option_list
from subjects import Attach, Bare, BareFiles, Cascade, Directly, Directory, Relay

_ROOM = 20  # walsenders beside the standbys that are asked for
_LOOK_INTERVAL = "1h"  # a server that is a standby of the primary is not looked at meanwhile


class Rig:
    """A primary, and every subject that stands between it and standbys. All of it lies in one
    area, which its owner closes."""

    def __init__(self, area, standbys, **settings):
        self.area = area
        self._walsenders = standbys + _ROOM
        # Its WAL writer stays away, or it would flush what is written before a COMMIT.
        self.primary = PgCluster.create(area, "primary", **{
            "max_wal_senders": self._walsenders, "wal_writer_delay": "10s", **settings})
        self._copy = None

    def start(self, with_cascade=True):
        """Starts the primary; before that, a cold copy for a cascading standby is made of it."""
        if with_cascade:
            self._copy = self.primary.cold_copy("cascade", primary_conninfo=self.primary.conninfo())
        self.primary.start()
        return self

    def subject(self, label, directory=None):
        """A subject by its label. The floor of files and the directory source are on `directory`, or
        else on the primary's own WAL."""
        area, primary = self.area, self.primary
        options = {"max_wal_senders": self._walsenders, "latency_report": True}
        walcast = (area, label, primary, binary(area, "walcast"))
        if label == "direct":
            return Directly(area, label, primary)
        if label == "cascade":
            return Cascade(area, label, primary, self._copy)
        if label == "relay":
            return Relay(*walcast, **options)
        if label == "attach":
            return Attach(*walcast, **options)
        if label == "directory":
            immutable = {"archive_is_immutable": True} if directory else {}
            return Directory(*walcast, directory or primary.wal_path, **options, **immutable)
        if label == "forwarder":
            return Bare(area, label, primary)
        assert label == "sendfile", label
        return BareFiles(area, label, primary, directory)

    def flushed(self):
        return parse_lsn(self.primary.flush_lsn())

    def begin_segment(self):
        """The newest segment is new: a server that starts now has nothing old to fetch."""
        self.primary.sql("SELECT pg_switch_wal()")
        return self.flushed()

    def wait_for(self, subject, port, lsn):
        """Until it has all before `lsn`, and would not turn away a standby that begins there."""
        def there():
            client = ReplicationClient.connect(port)
            try:
                return parse_lsn(client.identify()[2]) >= lsn
            finally:
                client.close()
        wait_until(there, f"{subject.label} has all WAL", timeout=600)

    def wait_for_quiet(self):
        """Until no standby is on the primary."""
        wait_until(lambda: self.primary.sql("SELECT count(*) FROM pg_stat_replication") == "0",
                   "the walsenders' end", timeout=300)

    def server_pids(self, subject):
        """All that a commit goes through: the primary too, whose one stream a relay needs."""
        return sorted({self.primary.process.pid, subject.process().pid})

    def live(self, subject, port, standbys, rate, **options):
        """A run of `walbench live`: its JSON. A run in which standbys fail has its figures too."""
        path = self.area.path("live.json")
        if os.path.exists(path):
            os.remove(path)
        pids = [part for pid in self.server_pids(subject) for part in ("--server-pid", pid)]
        done = self.area.run(
            [binary(self.area, "walbench"), "live", "--host", "127.0.0.1", "--port", port,
             "--standbys", standbys, "--write", f"127.0.0.1:{self.primary.port}", "--rate",
             f"{rate}/s", *pids,
             *option_list({"json": path, "look_interval": _LOOK_INTERVAL, **options})],
            timeout=900, check=False)
        if not os.path.exists(path):
            raise AssertionError(f"{subject.label}: {done.stdout}{done.stderr}")
        with open(path, encoding="utf-8") as file:
            return json.load(file)


@contextlib.contextmanager
def on_processors(processors):
    """What is started in it runs on these only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def two_hosts():
    """The processors in two halves, or all of them twice where there is only one."""
    processors = sorted(os.sched_getaffinity(0))
    half = len(processors) // 2
    if half == 0:
        return set(processors), set(processors)
    return set(processors[:half]), set(processors[half:])
