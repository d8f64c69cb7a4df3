"""What an operator gets wrong, and reads then: each mistake with its exit status and its whole text."""

import os
import re

from support.case import E2eCase
from support.cluster import PgCluster, free_port
from support.process import SERVER_USER
from support.walcast import SmallDiskWalcast, Walcast, binary, generate
from support.wait import wait_until
from support.workload import bulk_load

TRY_HELP = 'HINT:  Try "walcast serve --help" for more information.'
SIZES = 'HINT:  Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".'
TIMES = 'HINT:  Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".'
NAMES = ("HINT:  Valid forms are spool, ANY n (name, ...), FIRST n (name, ...), n (name, ...),"
         " name, ..., and all (name, ...); names with other characters than letters, digits, _ and"
         " $ take double quotes.")
QUOTES = ("HINT:  A line is a name with underscores and a value; a value with blanks or other"
          " characters than letters, digits and -._:/ stands in single quotes.")


def invalid(name, value):
    return f'FATAL:  invalid value for parameter "{name}": "{value}"'


class MistakeCase(E2eCase):
    def said_by(self, *words, status=1):
        """The lines of the log without their prefix, of a server that ends by itself."""
        done = self.area.run([binary(self.area, "walcast"), *words], timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("ready on", done.stdout)
        return [re.sub(r"^\S+ \S+ UTC \[\d+\] \S+ ", "", line)
                for line in done.stderr.splitlines()]

    def check(self, *words, status):
        """What `serve --check` prints, a line for each finding."""
        done = self.area.run([binary(self.area, "walcast"), "serve", "--check", "--port", 0,
                              *words], timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout.splitlines()


class CommandLineTest(MistakeCase):
    """Mistakes that are seen before anything is opened."""

    MISTAKES = [
        ([], ["FATAL:  no command is given",
              'HINT:  Try "walcast --help" for more information.']),
        (["sreve"], ['FATAL:  unrecognized command "sreve"',
                     'HINT:  Try "walcast --help" for more information.']),
        (["serve", "--wal-dir", "/x"], ['FATAL:  unrecognized option "--wal-dir"', TRY_HELP]),
        (["serve", "--port"], ['FATAL:  option "--port" needs a value', TRY_HELP]),
        (["serve", "/x"],
         ['FATAL:  too many command-line arguments (first is "/x")', TRY_HELP]),
        (["serve"], ["FATAL:  give one of --primary-conninfo, --wal-directory and --synthetic",
                     TRY_HELP]),
        (["serve", "--wal-keep-size", "1G"], [invalid("wal_keep_size", "1G"), SIZES]),
        (["serve", "--min-free-space", "16mb"], [invalid("min_free_space", "16mb"), SIZES]),
        (["serve", "--wal-sender-timeout", "10sec"],
         [invalid("wal_sender_timeout", "10sec"), TIMES]),
        (["serve", "--log-level", "LOUD"],
         [invalid("log_level", "LOUD"),
          "HINT:  Available values: debug, info, log, warning, error, fatal."]),
        (["serve", "--port", "70000"],
         ['FATAL:  70000 is outside the valid range for parameter "port" (0 .. 65535)', TRY_HELP]),
        (["serve", "--hot-standby-feedback", "maybe"],
         ['FATAL:  parameter "hot_standby_feedback" requires a Boolean value', TRY_HELP]),
        (["serve", "--upstream-ack", "any 3 (a, b)"],
         [invalid("upstream_ack", "any 3 (a, b)"),
          "DETAIL:  3 standbys are asked for, but only 2 names are given.", NAMES]),
        (["serve", "--upstream-ack", "any 1 (node-1)"],
         [invalid("upstream_ack", "any 1 (node-1)"),
          'DETAIL:  syntax error at or near "-".', NAMES]),
        (["serve", "--spool-directory", "/x", "--primary-conninfo", "host=h prot=5432"],
         ['FATAL:  invalid value for parameter "primary_conninfo"',
          'DETAIL:  invalid connection option "prot"', TRY_HELP]),
        (["serve", "--spool-directory", "/x", "--primary-conninfo", "host"],
         ['FATAL:  invalid value for parameter "primary_conninfo"',
          'DETAIL:  missing "=" after "host" in connection info string', TRY_HELP]),
        (["serve", "--spool-directory", "/x", "--primary-conninfo", "host=h",
          "--create-primary-slot"],
         ["FATAL:  --create-primary-slot needs --primary-slot-name", TRY_HELP]),
        (["serve", "--spool-directory", "/x", "--primary-conninfo", "host=h",
          "--primary-slot-name", "a-b"],
         [invalid("primary_slot_name", "a-b"),
          'DETAIL:  replication slot name "a-b" contains invalid character.',
          "HINT:  Replication slot names may only contain lower case letters, numbers, and the"
          " underscore character."]),
        (["generate"], ["FATAL:  no directory is given to write to",
                        'HINT:  Try "walcast generate --help" for more information.']),
    ]

    def test_each_is_refused_with_what_would_do(self):
        for words, lines in self.MISTAKES:
            with self.subTest(words):
                self.assertEqual(self.said_by(*words), lines)


class ConfigFileTest(MistakeCase):
    """Mistakes in the file that --config names."""

    def config(self, text):
        path = self.area.path(f"{self.id()}.conf")
        self.area.write_file(path, text)
        return path

    def assert_said(self, text, *lines):
        path = self.config(text)
        self.assertEqual(self.said_by("serve", "--config", path),
                         [line.replace("FILE", f'file "{path}"') for line in lines]
                         + [f'FATAL:  configuration file "{path}" contains errors'])

    def test_each_is_said_with_its_place(self):
        for text, lines in (
                ("\nwal_kep_size = 1\n",
                 ['ERROR:  unrecognized configuration parameter "wal_kep_size" in FILE line 2']),
                ("wal_keep_size = 1G",
                 ['ERROR:  invalid value for parameter "wal_keep_size": "1G" in FILE line 1',
                  SIZES]),
                ("port = 70000",
                 ['ERROR:  70000 is outside the valid range for parameter "port" (0 .. 65535)'
                  " in FILE line 1"]),
                ("wal_directory = /var/lib/wal\n",
                 ['ERROR:  syntax error in FILE line 1, near token "/"', QUOTES]),
                ("wal_directory =\n", ["ERROR:  syntax error in FILE line 1, near end of line"]),
                ("port = 1 2\nfoo = 'bar\n",
                 ['ERROR:  syntax error in FILE line 1, near token "2"', QUOTES,
                  "ERROR:  syntax error in FILE line 2, near token \"'\"", QUOTES])):
            with self.subTest(text):
                self.assert_said(text, *lines)

    def test_a_file_that_cannot_be_opened_is_named_with_the_reason(self):
        missing = self.area.path("missing.conf")
        self.assertEqual(
            self.said_by("serve", "--config", missing),
            [f'ERROR:  could not open configuration file "{missing}": No such file or directory',
             f'FATAL:  configuration file "{missing}" contains errors'])
        path = self.config("port = 1\n")
        os.chmod(path, 0)
        if SERVER_USER is None and os.access(path, os.R_OK):
            self.skipTest("this user reads everything")
        self.assertEqual(self.said_by("serve", "--config", path),
                         [f'ERROR:  could not open configuration file "{path}": Permission denied',
                          f'FATAL:  configuration file "{path}" contains errors'])

    def test_what_postgres_takes_is_taken(self):
        """include, quotes in quotes, comments behind values; the last of two counts, a flag more."""
        wal = self.area.path("it's wal")
        generate(self.area, wal, size="2MB", wal_segment_size="1MB")
        self.area.write_file(self.area.path("more.conf"), "workers 2   # not 1\n")
        path = self.config("port = 1\nworkers = 1\nio_threads = 3\nio_threads = 4\n"
                           "include 'more.conf'\ninclude_if_exists = 'none.conf'\n"
                           f"wal_directory = '{wal.replace(chr(39), chr(39) * 2)}' # here\n")
        walcast = Walcast(self.area, config=path)
        walcast.wait_for_log('skipping missing configuration file ".*none.conf"')
        client = self.connect(walcast.port)
        for name, value in (("workers", b"2"), ("io_threads", b"4")):
            self.assertEqual(client.query(f"SHOW {name}").rows[0][0], value)
        walcast.stop()


class DirectoryMistakeTest(MistakeCase):
    """Mistakes about the disk."""

    def test_a_data_directory_is_told_from_its_pg_wal(self):
        data = PgCluster.create(self.area, "primary", segment_mb=1).data
        hint = f'Its WAL is in "{data}/pg_wal".'
        self.assertEqual(self.said_by("serve", "--port", 0, "--wal-directory", data), [
            f'FATAL:  directory "{data}" is a data directory, and not one of WAL',
            f"HINT:  {hint}"])
        self.assertIn(f'ERROR: directory "{data}" is a data directory, and not one of WAL'
                      f" HINT: {hint}", self.check("--wal-directory", data, status=1))

    def test_a_disk_that_is_too_small_is_told_what_it_must_hold(self):
        if not SmallDiskWalcast.is_possible(self.area):
            self.skipTest("no user may mount anything here")
        primary = PgCluster.create(self.area, "small", segment_mb=1).start()
        mount = self.area.directory("mount")
        with self.assertRaisesRegex(
                AssertionError, rf'FATAL:  the file system of "{mount}/spool" has 32MB in all, which'
                r" is less than min_free_space \(64MB\) and two segments of 1MB"):
            SmallDiskWalcast(self.area, mount, 32, primary_conninfo=primary.conninfo(),
                             spool_directory=f"{mount}/spool")
        primary.stop()


    def test_a_paused_relay_goes_on_when_the_slot_is_dropped_that_held_its_wal(self):
        if not SmallDiskWalcast.is_possible(self.area):
            self.skipTest("no user may mount anything here")
        primary = PgCluster.create(self.area, "paused", segment_mb=1).start()
        primary.sql("CREATE TABLE bulk (id int, words text)")
        mount = self.area.directory("paused-mount")
        walcast = SmallDiskWalcast(self.area, mount, 24, port=0, min_free_space="2MB",
                                   primary_conninfo=primary.conninfo(),
                                   spool_directory=f"{mount}/spool")
        client = self.connect(walcast.port)
        self.assertIsNone(client.query("CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL").error)
        while not walcast.process.count_in_log("receiving WAL pauses"):
            bulk_load(primary, rows=2_000)
        self.assertIsNone(client.query("DROP_REPLICATION_SLOT s").error)
        walcast.wait_for_log("receiving WAL goes on at", timeout=30)
        walcast.stop()
        primary.stop()


class PrimaryMistakeTest(MistakeCase):
    """Mistakes about the primary: a relay with WAL serves it, one without does not start."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        cls.primary.sql("CREATE ROLE nobody LOGIN PASSWORD 'right'")
        cls.primary.sql("CREATE ROLE walcast LOGIN REPLICATION PASSWORD 'right'")
        with open(f"{cls.primary.data}/pg_hba.conf", "r+", encoding="utf-8") as hba:
            rest = hba.read()
            hba.seek(0)
            hba.write("host replication stranger 127.0.0.1/32 reject\n"
                      "host replication walcast 127.0.0.1/32 scram-sha-256\n" + rest)
        cls.primary.sql("CREATE ROLE stranger LOGIN REPLICATION")
        cls.primary.sql("SELECT pg_reload_conf()")

    def conninfo(self, user, more=""):
        return f"host=127.0.0.1 port={self.primary.port} user={user} {more}"

    MISTAKES = [
        ("walcast", "password=wrong", {}, 'FATAL:  password authentication failed for user'),
        ("nobody", "", {}, "FATAL:  must be superuser or replication role to start walsender"),
        ("stranger", "", {}, 'FATAL:  pg_hba.conf rejects replication connection for host'),
        ("postgres", "", {"primary_slot_name": "lost"},
         'replication slot "lost" does not exist'),
    ]

    def spools(self):
        """A new one, and one with WAL."""
        empty, filled = (self.area.path(f"{name}-{free_port()}") for name in ("empty", "filled"))
        walcast = Walcast(self.area, primary_conninfo=self.conninfo("postgres"),
                          spool_directory=filled, wal_segment_size="1MB")
        wait_until(lambda: self.primary.sql(
            "SELECT bool_or(flush_lsn >= pg_current_wal_flush_lsn()) FROM pg_stat_replication")
            == "t", "the spool has WAL")
        walcast.stop()
        return empty, filled

    def test_each_is_said_with_the_primarys_own_words(self):
        empty, filled = self.spools()
        for user, more, options, said in self.MISTAKES:
            with self.subTest(said):
                conninfo = self.conninfo(user, more)
                flags = [word for name, value in options.items()
                         for word in ("--" + name.replace("_", "-"), value)]
                lines = self.said_by("serve", "--port", 0, "--primary-conninfo", conninfo,
                                     "--spool-directory", empty, *flags)
                self.assertRegex(lines[0], "^FATAL:  .*" + re.escape(said))
                walcast = Walcast(self.area, primary_conninfo=conninfo, spool_directory=filled,
                                  **options)
                walcast.wait_for_log(" ERROR:  .*" + re.escape(said))
                if options:
                    hint = "Create it on the primary, or let walcast do so with --create-primary-slot."
                    self.assertIn("HINT:  " + hint, lines)
                    walcast.wait_for_log(" HINT:  " + hint)
                walcast.stop()
                found = self.check("--primary-conninfo", conninfo, "--spool-directory", filled,
                                   *flags, status=1)
                self.assertEqual(sum(line.startswith("ERROR: ") for line in found), 1, found)
                self.assertTrue(any(said in line for line in found), found)

    def test_check_says_what_is_right(self):
        _, filled = self.spools()
        found = self.check("--primary-conninfo", self.conninfo("postgres"), "--spool-directory",
                           filled, "--primary-slot-name", "new", "--create-primary-slot", status=0)
        text = "\n".join(found)
        for line in ("OK: the options are valid", "OK: spool directory .* can be read and written",
                     "OK: directory .* has WAL of system .* on timeline 1 from ",
                     r"OK: the primary \(host=127.0.0.1 port=\d+\) is system ",
                     'OK: replication slot "new" will be created on the primary',
                     "OK: the primary's WAL continues the WAL that is here"):
            self.assertRegex(text, line)
        self.assertNotRegex(text, "ERROR|WARNING")
        self.assertEqual(self.primary.sql("SELECT count(*) FROM pg_replication_slots"), "0")

    def test_check_before_the_first_start_makes_nothing(self):
        empty = self.area.path(f"new-{free_port()}")
        for spool in (empty, f"{empty}/"):
            found = self.check("--primary-conninfo", self.conninfo("postgres"),
                               "--spool-directory", spool, status=0)
            self.assertIn(f'OK: spool directory "{spool}" will be created', found)
            self.assertFalse(os.path.exists(empty))
        found = self.check("--primary-conninfo", self.conninfo("postgres"), "--spool-directory",
                           f"{empty}/unmounted/spool", status=1)
        self.assertIn(f'ERROR: could not create directory "{empty}/unmounted/spool":'
                      " No such file or directory", found)

    def test_check_reads_slot_files_and_passes_over_hosts(self):
        _, filled = self.spools()
        os.makedirs(f"{filled}/pg_replslot", exist_ok=True)
        self.area.write_file(f"{filled}/pg_replslot/torn.slot", "WCS1")
        conninfo = (f"host=127.0.0.1,127.0.0.1 port={free_port()},{self.primary.port}"
                    " user=postgres")
        found = self.check("--primary-conninfo", conninfo, "--spool-directory", filled, status=0)
        self.assertTrue(any(line.startswith("WARNING: ") and "torn.slot" in line
                            for line in found), found)
        self.assertTrue(any(line.startswith("OK: the primary (") for line in found), found)
        self.assertTrue(os.path.exists(f"{filled}/pg_replslot/torn.slot"))
