"""What those who look in cost the standbys: commits at a steady rate to live standbys alone, and to the
same ones while every relation of the console is read over and over, metrics are scraped and a page
follows the events, in one run; and how long a scrape takes."""

import argparse
import statistics
import threading
import time

# tests/e2e/support
from support import machine
from support.area import Area
from support.cluster import PgCluster
from support.http import Window
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.walcast import binary
# perf
from drain import allow_files
from live import Writer
from storm import live_fleet, p99_of
from subjects import Relay

_RELATIONS = (
    "pg_stat_replication", "pg_replication_slots", "pg_stat_wal_receiver", "pg_stat_activity",
    "pg_settings", "pg_stat_ssl", "pg_stat_gssapi", "pg_stat_archiver", "pg_hba_file_rules",
    "pg_ident_file_mappings", "pg_backend_memory_contexts", "pg_control_system()",
    "pg_control_checkpoint()", "pg_ls_waldir()", "walcast_standbys", "walcast_latency",
    "walcast_spool", "walcast_holds", "walcast_upstream", "walcast_threads", "walcast_limits")


class Looker(threading.Thread):
    """Looks again and again, with a pause between, until it is told to end."""

    def __init__(self, pause):
        super().__init__(daemon=True)
        self._pause = pause
        self._ends = threading.Event()
        self.seconds = []  # of each look
        self.wrong = None

    def run(self):
        try:
            while not self._ends.wait(self._pause):
                begun = time.monotonic()
                self.look()
                self.seconds.append(time.monotonic() - begun)
        except Exception as error:  # pylint: disable=broad-except
            self.wrong = error

    def look(self):
        raise NotImplementedError

    def finish(self):
        self._ends.set()
        self.join()
        if self.wrong is not None:
            raise self.wrong


class Reader(Looker):
    """Every relation, one after the other."""

    def __init__(self, port, pause):
        super().__init__(pause)
        self._sql = ReplicationClient.connect(port, replication="false", database="walcast")

    def look(self):
        for relation in _RELATIONS:
            answer = self._sql.query(f"SELECT * FROM {relation}")
            assert answer.error is None, (relation, answer.error)


class Scraper(Looker):
    """All metrics, those of each standby among them."""

    def __init__(self, window, pause):
        super().__init__(pause)
        self._window = window

    def look(self):
        answer = self._window.ask("/metrics")
        assert answer.status == 200, answer


class Page(Looker):
    """The events that a page lives on."""

    def __init__(self, window, pause):
        super().__init__(pause)
        self._window = window

    def look(self):
        self._window.events(5)


def play(area, primary, relay, chosen, number, looked_at):
    """The p99 of the commits, and how long each scrape took; none if nobody looks."""
    start = parse_lsn(primary.sql("SELECT pg_switch_wal(); SELECT pg_current_wal_flush_lsn()")
                      .split()[-1])
    label = f"{'beside' if looked_at else 'alone'}.{number}"
    port = relay.start()
    writer = Writer(primary.port)
    fleet = live_fleet(area, port, start, label, chosen, "disable")
    writer.commit("warm-up", chosen.warm_up, chosen.rate)
    lookers = []
    if looked_at:
        window = relay.window()
        lookers = [Scraper(window, chosen.pause), Reader(port, chosen.pause), Page(window, chosen.pause)]
        for looker in lookers:
            looker.start()
    writer.commit(label, chosen.commits, chosen.rate)
    for looker in lookers:
        looker.finish()
    writer.close()
    p99 = p99_of(fleet, chosen.commits * chosen.standbys)
    relay.stop()
    return p99, lookers


class WatchedRelay(Relay):
    """A relay that listens for HTTP too."""

    def window(self):
        return Window(self._walcast)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/windows.sh", description=__doc__)
    parser.add_argument("--standbys", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=200, help="commits per second")
    parser.add_argument("--commits", type=int, default=2000, help="of each play")
    parser.add_argument("--warm-up", type=int, default=200, help="commits that are not counted")
    parser.add_argument("--pause", type=float, default=1, metavar="SECONDS",
                        help="between two looks of each who looks")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def main():
    chosen = parse_arguments()
    allow_files()
    print(machine.described(), flush=True)
    with Area() as area:
        primary = PgCluster.create(area, "primary", fsync="off", wal_keep_size="512MB",
                                   wal_writer_delay="10s").start()
        relay = WatchedRelay(area, "walcast", primary, binary(area, "walcast"),
                             max_wal_senders=chosen.standbys + 10,
                             http_listen_addresses="127.0.0.1:0",
                             http_metrics_standbys=chosen.standbys)
        ratios, scrapes = [], []
        for number in range(chosen.rounds):
            turns = (False, True) if number % 2 == 0 else (True, False)
            p99 = {}
            for looked_at in turns:
                p99[looked_at], lookers = play(area, primary, relay, chosen, number, looked_at)
                if lookers:
                    scrapes += lookers[0].seconds
                    reads = lookers[1].seconds
            ratios.append(p99[True] / p99[False])
            print(f"round {number + 1}: p99 {p99[False]:.0f} us alone, {p99[True]:.0f} us beside"
                  f" {len(scrapes)} scrapes and {len(reads)} reads of {len(_RELATIONS)} relations",
                  flush=True)
        print(f"p99 beside / alone: {statistics.median(ratios):.2f}; a scrape of"
              f" {chosen.standbys} standbys: median {statistics.median(scrapes) * 1e3:.0f} ms,"
              f" longest {max(scrapes) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
