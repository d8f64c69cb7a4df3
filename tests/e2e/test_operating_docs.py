"""docs/operating.md: its commands and statements as they stand there, in its order, and whether its
metrics and options are those that walcast has."""

import os
import re

from support.case import E2eCase
from support.cluster import PgCluster, free_port, pg_program
from support.fenced import blocks_of
from support.walcast import Walcast, binary
from support.wait import wait_until

_TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
_PAGE = os.path.join(_TOP, "docs", "operating.md")


def page():
    with open(_PAGE, encoding="utf-8") as file:
        return file.read()


class OperatingDayTest(E2eCase):
    """The page's day, with a primary behind it."""

    def setUp(self):
        self.primary = PgCluster.create(self.area, "primary", segment_mb=1).start()
        self.primary.sql("CREATE ROLE replicator LOGIN SUPERUSER REPLICATION")
        self.config = self.area.path("walcast.conf")
        self.port, self.http_port = free_port(), free_port()
        self.walcast = None

    def here(self, text):
        """The page's words with this test's places."""
        for known, ours in (("/etc/walcast/walcast.conf", self.config),
                            ("/var/lib/walcast/spool", self.area.path("spool")),
                            ("host=primary.example port=5432",
                             f"host=127.0.0.1 port={self.primary.port}"),
                            ("5433", str(self.port)), ("9187", str(self.http_port))):
            text = text.replace(known, ours)
        return text

    def shell(self, text):
        path = ":".join([os.path.dirname(binary(self.area, "walcast")),
                         os.path.dirname(pg_program("psql")), os.environ["PATH"]])
        self.area.run(["bash", "-euc", self.here(text)], variables={"PATH": path})

    def start(self):
        self.walcast = Walcast(self.area, config=self.config, port=self.port)

    def start_standby(self):
        """The one that the page has made, in a directory of its name."""
        self.area.spawn("standby1", [pg_program("postgres"), "-D", self.area.path("standby1"),
                                     "-p", free_port(), "-k", self.area.root])
        wait_until(self.standby_streams, lambda: self.walcast.log())

    def standby_streams(self):
        return self.ask("SELECT state FROM pg_stat_replication "
                        "WHERE application_name = 'standby1'") == "streaming"

    def ask(self, statement):
        return self.area.run([pg_program("psql"), "-XAtd",
                              f"host=127.0.0.1 port={self.port} user=replicator dbname=walcast",
                              "-v", "ON_ERROR_STOP=1", "-c", statement]).stdout.strip()

    def test_every_command_and_statement_does_what_it_is_for(self):
        ran = 0
        for block in blocks_of(_PAGE):
            if block.where == "package":
                if block.text.startswith("systemctl start"):
                    self.start()
                continue
            if block.language == "ini":
                self.area.write_file(self.config, self.here(block.text))
            elif block.language == "sql":
                for statement in block.lines:
                    self.ask(statement)
            else:
                self.assertEqual(block.language, "sh")
                self.shell(block.text)
                if "standby.signal" in block.text:
                    self.start_standby()
            ran += 1
        self.assertGreaterEqual(ran, 8)
        self.walcast.wait_for_log(r"LOG:  connection received: host=127\.0\.0\.1 port=\d+")
        self.walcast.wait_for_log("received SIGHUP, reloading|reloading configuration")
        self.walcast.stop()


class OperatingPageTest(E2eCase):
    """What the page says of walcast, beside walcast itself."""

    def source(self, *folders):
        text = ""
        for folder in folders:
            for root, _, names in os.walk(os.path.join(_TOP, folder)):
                for name in names:
                    if name.endswith((".cc", ".h")):
                        with open(os.path.join(root, name), encoding="utf-8") as file:
                            text += file.read()
        return text

    def test_its_metrics_are_served(self):
        served = self.source("server/http", "server/stats")
        for name in set(re.findall(r"`(walcast_[a-z_]+?)(?: [=a-z>].*?)?`", page())):
            if name in self.relations():
                continue
            self.assertIn(f'"{name}"', served)

    def relations(self):
        return set(re.findall(r"FROM (walcast_[a-z]+)", page()))

    def test_its_settings_are_options(self):
        help_text = self.area.run([binary(self.area, "walcast"), "serve", "--help"]).stdout
        options = {flag.replace("-", "_") for flag in re.findall(r"^  --(\S+)", help_text,
                                                                 re.MULTILINE)}
        named = set(re.findall(r"`((?:log|syslog|http|ssl|spool|primary|max|min)_[a-z_]+[a-z])"
                               r"(?: ?=.*?)?`", page()))
        self.assertGreater(len(named), 20)
        self.assertEqual(named - options, set())

    def test_what_needs_the_package_is_in_the_packages_test(self):
        with open(os.path.join(_TOP, "packaging", "try-deb.sh"), encoding="utf-8") as file:
            script = file.read()
        lines = [line for block in blocks_of(_PAGE) if block.where == "package"
                 for line in block.lines]
        self.assertGreaterEqual(len(lines), 4)
        for line in lines:
            self.assertIn(f'does "{line}"', script)

    def test_each_link_within_leads_somewhere(self):
        text = page()
        anchors = {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")
                   for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        for anchor in re.findall(r"\]\(#([^)]+)\)", text):
            self.assertIn(anchor, anchors)
        for target in re.findall(r"\]\(([^#)]+?)(?:#[^)]*)?\)", text):
            if not target.startswith("http"):
                self.assertTrue(os.path.exists(os.path.join(_TOP, "docs", target)), target)
