"""The demo: a source of WAL, walcast with its table of standbys, and a fleet of light standbys."""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STANDBYS = 16
SLOW_RATE = "5MB/s"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_accepting(port, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    sys.exit("walcast did not start")


def start(argv, **options):
    """A child that Ctrl-C does not reach: the demo ends its children in order."""
    return subprocess.Popen(list(map(str, argv)), start_new_session=True, **options)


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait(30)


def serve_and_show(arguments, source_options, seconds, beside):
    """Runs walcast on a source and the fleet on walcast; `beside(port)` starts what else there is."""
    port = free_port()
    walcast = start([f"{arguments.bin}/walcast", "serve", "--allow-root", "--port", port,
                     "--standby-table", "1s", "--log-level", "warning", *source_options])
    fleet = None
    with tempfile.TemporaryFile("w+") as summary:
        try:
            wait_until_accepting(port, walcast)
            fleet = start([f"{arguments.bin}/walbench", "--host", "127.0.0.1", "--port", port,
                           "--standbys", STANDBYS, "--slow", 1, "--slow-rate", SLOW_RATE,
                           "--status-interval", "100ms",
                           "--duration", f"{seconds + 60}s"], stdout=summary)
            with beside(port):
                walcast.wait(seconds)
        except subprocess.TimeoutExpired:
            pass  # the time is up, which is how a demo ends
        except KeyboardInterrupt:
            print()
        finally:
            # The fleet first: its summary is of a stream that ran until its end.
            if fleet:
                end(fleet)
            end(walcast)
        summary.seek(0)
        print(summary.read(), end="")
    return walcast.returncode


def synthetic(arguments):
    print(f"Synthetic WAL at {arguments.rate}; {STANDBYS} light standbys, one of which reads "
          f"{SLOW_RATE}; {arguments.seconds} seconds.\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="walcast-demo-") as spool:
        return serve_and_show(
            arguments, ["--synthetic", arguments.rate, "--spool-directory", spool,
                        "--wal-keep-size", "2GB"],
            arguments.seconds, lambda port: contextlib.nullcontext())


def holds_wal(directory):
    """Whether pg_receivewal has written more than the zeros that it pads a segment with."""
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as file:
            if file.read(2) != b"\0\0":
                return True
    return False


def postgres(arguments):
    sys.path.insert(0, f"{ROOT}/tests/e2e")
    from support.area import Area
    from support.cluster import PgCluster, pg_program
    from support.receivewal import Receivewal
    from support.wait import wait_until

    print("A PostgreSQL 15 under pgbench, pg_receivewal writing its WAL into an archive, walcast "
          f"serving that archive to {STANDBYS} light standbys (one reads {SLOW_RATE}) and to a "
          f"real standby; {arguments.seconds} seconds.\n", flush=True)
    area = Area()

    @contextlib.contextmanager
    def load_and_standby(port):
        standby = base.cold_copy("standby", cluster_name="real_standby",
                                 primary_conninfo=primary.conninfo(port)).start()
        area.spawn("pgbench", [pg_program("pgbench"), "-n", "-h", "127.0.0.1", "-p", primary.port,
                               "-U", "postgres", "-c", 4, "-T", arguments.seconds + 60,
                               "postgres"])
        try:
            yield
        finally:
            state = standby.sql("SELECT pg_last_wal_replay_lsn(), count(*) FROM pgbench_history")
            print("real_standby has replayed to {} and sees {} rows in pgbench_history".format(
                *state.split("|")))

    try:
        primary = PgCluster.create(area, "primary").start()
        primary.pgbench("-i", "-q", "-s", "5")
        primary.stop()
        base = primary.cold_copy("base")
        primary.start()
        archive = Receivewal(area, area.directory("archive"), primary.segment_size)
        archive.start(primary.port)
        wait_until(lambda: holds_wal(archive.files.path), "WAL in the archive")
        return serve_and_show(arguments, ["--wal-directory", archive.files.path],
                              arguments.seconds, load_and_standby)
    finally:
        area.close()


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo.sh", description=__doc__)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=20, help="when to end by itself")
    parser.add_argument("--rate", default="20MB/s", help="of the synthetic WAL")
    parser.add_argument("--postgres", action="store_true", help="WAL of a real PostgreSQL 15")
    arguments = parser.parse_args()
    sys.exit(postgres(arguments) if arguments.postgres else synthetic(arguments))


if __name__ == "__main__":
    main()
