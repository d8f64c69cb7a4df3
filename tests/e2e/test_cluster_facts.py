"""What the cluster decides, by the control file of the data directory whose pg_wal is served."""

import os
import shutil

from support.case import E2eCase
from support.cluster import PgCluster
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import write_wal

NAMES = ("block_size", "data_checksums", "data_directory_mode", "full_page_writes",
         "max_connections", "max_index_keys", "max_locks_per_transaction",
         "max_prepared_transactions", "max_worker_processes", "segment_size",
         "track_commit_timestamp", "wal_level", "wal_log_hints")
# These are in no file of the cluster but its configuration, which does not say what was in force.
UNKNOWN = ("max_wal_size", "checkpoint_timeout")


class ControlFileTest(E2eCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(
            cls.area, "primary", segment_mb=1, max_connections="77", max_prepared_transactions="3",
            track_commit_timestamp="on", wal_level="logical", wal_log_hints="on",
            full_page_writes="off").start()
        write_wal(cls.primary, megabytes=2)
        cls.said = cls.shown(cls.primary)
        cls.primary.stop()

    @staticmethod
    def shown(cluster):
        return {name: cluster.sql(f"SHOW {name}") for name in NAMES}

    def answers(self, walcast):
        client = self.connect(walcast.port)
        return {name: client.query(f"SHOW {name}").rows[0][0].decode() for name in NAMES}

    def assert_unknown(self, walcast, names):
        client = self.connect(walcast.port)
        for name in names:
            error = client.query(f"SHOW {name}").error
            self.assertEqual((error["C"], error["M"]),
                             ("55000", f'parameter "{name}" of the cluster is not known'))

    def test_it_is_shown_and_follows_the_server(self):
        walcast = Walcast(self.area, wal_directory=self.primary.wal_path)
        self.assertEqual(self.answers(walcast), self.said)
        self.assert_unknown(walcast, UNKNOWN)
        self.primary.configure(max_connections="88")
        self.primary.start()
        wait_until(lambda: self.answers(walcast) == self.shown(self.primary), "the server's word")
        self.assertEqual(self.answers(walcast)["max_connections"], "88")
        self.primary.stop()
        walcast.stop()

    def test_without_a_data_directory_it_is_not_known(self):
        archive = self.area.copy_tree(self.primary.wal_path, "archive")
        walcast = Walcast(self.area, wal_directory=archive)
        self.assert_unknown(walcast, ("data_checksums", "wal_level", "max_connections"))
        walcast.stop()

    def test_a_damaged_control_file_is_a_warning(self):
        data = self.area.copy_tree(self.primary.data, "damaged")
        path = os.path.join(data, "global", "pg_control")
        shutil.copy(path, path + ".whole")
        with open(path, "r+b") as file:
            file.seek(180)
            file.write(b"\x01")
        walcast = Walcast(self.area, wal_directory=os.path.join(data, "pg_wal"))
        walcast.wait_for_log(f'WARNING:  file "{path}" tells nothing of the cluster: its checksum'
                             " is wrong")
        self.assert_unknown(walcast, ("data_checksums", "max_connections"))
        shutil.copy(path + ".whole", path)
        client = self.connect(walcast.port)
        wait_until(lambda: client.query("SHOW data_checksums").rows, "the file is right again")
        walcast.stop()
