"""What the server's process is, and what it leaves to others: its user, its files, its memory."""

import os
import pwd
import signal
import stat
import subprocess
import unittest

from support.case import E2eCase
from support.certificates import Authority
from support.process import SERVER_USER, environment
from support.relay import RelayCase
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Walcast, WrappedWalcast, binary, generate
from support.lsn import parse_lsn
from support.workload import wal_of, write_wal


def modes_below(path):
    """The modes of all files and directories, by their paths; what is gone meanwhile is left out."""
    modes = {path: stat.S_IMODE(os.stat(path).st_mode)}
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            try:
                modes[os.path.join(folder, name)] = stat.S_IMODE(
                    os.lstat(os.path.join(folder, name)).st_mode)
            except FileNotFoundError:
                pass
    return modes


class ProcessTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wal = cls.area.directory("wal")
        generate(cls.area, cls.wal, size="32MB")

    def as_root(self, *options):
        """`walcast serve` as root, for a second; its end."""
        if SERVER_USER is None:
            raise unittest.SkipTest("only root can start a server as root")
        return subprocess.run([binary(self.area, "walcast"), "serve", "--port=0",
                               f"--wal-directory={self.wal}", "--run-for=1s", *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              cwd=self.area.root, env=environment(), check=False)

    def test_root_is_refused(self):
        for options in ([], ["--check"]):
            done = self.as_root(*options)
            self.assertEqual(done.returncode, 1, done.stderr)
            said = done.stdout + done.stderr
            self.assertIn('"root" execution of walcast is not permitted', said)
            self.assertIn("--allow-root", said)

    def test_root_may_be_allowed(self):
        done = self.as_root("--allow-root")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_root_becomes_another_user(self):
        state = self.area.directory("state")
        done = self.as_root(f"--user={SERVER_USER}", f"--state-directory={state}",
                            f"--unix-socket-directories={state}", "--port=6543")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("listening on Unix socket", done.stderr)
        owner = pwd.getpwnam(SERVER_USER).pw_uid
        self.assertEqual({os.stat(path).st_uid for path in modes_below(state)}, {owner})

    def test_a_user_that_is_not_there_is_named(self):
        done = self.as_root("--user=nobody-at-all")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('user "nobody-at-all" does not exist', done.stderr)

    def test_only_root_may_name_a_user(self):
        done = self.area.run([binary(self.area, "walcast"), "serve", "--user=nobody",
                              f"--wal-directory={self.wal}"], check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("only root can start walcast with --user", done.stderr)

    def is_open_to_its_user(self, **options):
        """Whether the kernel lets others of the server's user look into its memory."""
        walcast = Walcast.of_directory(self.area, self.wal, **options)
        self.addCleanup(walcast.stop)
        return self.is_open(walcast)

    def is_open(self, walcast):
        return os.stat(f"/proc/{walcast.process.pid}/maps").st_uid == os.stat(self.wal).st_uid

    def test_a_process_with_secrets_is_closed_to_debuggers(self):
        if os.stat(self.wal).st_uid == 0:
            raise unittest.SkipTest("root may look anywhere")
        rules, users = self.area.path("hba"), self.area.path("users")
        self.area.write_file(rules, "local all all reject\n")
        self.area.write_file(users, '"a" "" replication\n')
        secrets = {"hba_file": rules, "auth_file": users}
        self.assertTrue(self.is_open_to_its_user())
        self.assertFalse(self.is_open_to_its_user(**secrets))
        self.assertTrue(self.is_open_to_its_user(**secrets, allow_core_dumps=True))


    def test_a_reload_that_brings_secrets_closes_it_for_good(self):
        if os.stat(self.wal).st_uid == 0:
            raise unittest.SkipTest("root may look anywhere")
        certificate, key = Authority(self.area, "own").issue("server", "/CN=localhost")
        rules, config = self.area.path("reload-hba"), self.area.path("reload-conf")
        self.area.write_file(rules, "local all all reject\n")
        for secrets in (f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n",
                        "auth_conninfo = 'host=/nowhere user=a password=b'\n"):
            for allowed in (False, True):
                with self.subTest(secrets=secrets, allowed=allowed):
                    self.area.write_file(config, "")
                    walcast = Walcast.of_directory(
                        self.area, self.wal, config=config, hba_file=rules,
                        **({"allow_core_dumps": True} if allowed else {}))
                    self.assertTrue(self.is_open(walcast))
                    self.reload(walcast, config, secrets)
                    self.assertEqual(self.is_open(walcast), allowed)
                    self.reload(walcast, config, "")
                    self.assertEqual(self.is_open(walcast), allowed)
                    walcast.stop()

    def reload(self, walcast, config, text):
        """Waits for its end: the signals are handled one after the other."""
        answers = walcast.process.count_in_log("logging memory contexts of PID")
        self.area.write_file(config, text)
        walcast.process.send_signal(signal.SIGHUP)
        walcast.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: walcast.process.count_in_log("logging memory contexts of PID") > answers,
                   "a reload")


class PrivateFilesTest(RelayCase):

    def test_nobody_else_may_read_a_spool_whatever_the_umask(self):
        walcast = WrappedWalcast(self.area, ["sh", "-c", 'umask 0 && exec "$@"', "sh"],
                                 **self.relay_options())
        client = self.connect(walcast.port)
        client.query("CREATE_REPLICATION_SLOT one PHYSICAL RESERVE_WAL")
        self.wait_for_spool(self.primary.flush_lsn())
        for path, mode in modes_below(self.spool.path).items():
            self.assertEqual(mode & 0o077, 0, f"{path} {mode:o}")
        walcast.stop()

    def test_a_group_that_may_read_the_primary_may_read_the_spool(self):
        self.primary.stop()
        self.area.run(["chmod", "-R", "g+rX", self.primary.data])
        self.addCleanup(self.area.run, ["chmod", "-R", "g-rwx", self.primary.data])
        self.addCleanup(self.stop_primary)
        self.primary.start()
        walcast = self.relay()
        self.wait_for_spool(self.primary.flush_lsn())
        self.assertEqual(self.connect(walcast.port).query("SHOW data_directory_mode").rows,
                         [(b"0750",)])
        modes = modes_below(self.spool.path)
        self.assertEqual(modes.pop(self.spool.path), 0o750)
        self.assertEqual(modes[f"{self.spool.path}/walcast.lock"], 0o600)
        self.assertIn(0o640, {mode for path, mode in modes.items()
                              if len(os.path.basename(path)) == 24}, modes)
        self.assertFalse([mode for mode in modes.values() if mode & 0o027], modes)
        walcast.stop()

    def test_a_relay_runs_under_a_filter_of_system_calls(self):
        walcast = Walcast(self.area, **self.relay_options(seccomp="on"))
        self.wait_for_spool(self.primary.flush_lsn())
        standby = self.connect(walcast.port)
        begin = self.spool.begin()
        self.assertIsNone(standby.start(begin, 1))
        write_wal(self.primary, 2)
        end = parse_lsn(self.primary.flush_lsn())
        self.assertEqual(standby.receive_until(end)[:end - begin],
                         wal_of(self.primary).read(1, begin, end))
        slots = ReplicationClient.connect(walcast.port)
        self.assertIsNone(slots.query("CREATE_REPLICATION_SLOT two PHYSICAL").error)
        slots.close()
        standby.close()
        with open(f"/proc/{walcast.process.pid}/status", encoding="ascii") as status:
            self.assertIn("Seccomp:\t2\n", status.read())
        walcast.stop()  # which looks for calls that were refused
