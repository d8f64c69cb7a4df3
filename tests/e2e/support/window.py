"""The page without a server behind it: planted snapshots, sent as /events sends them, and a browser."""

import base64
import copy
import hashlib
import json
import os
import re
import shutil
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "server", "http",
                     "page")
_MEGABYTE = 1 << 20
_DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages"
# The columns of a standby, as server/http/session_columns.cc has them.
COLUMNS = ("pid", "usename", "application_name", "client_addr", "client_port", "backend_start",
           "state", "sent_lsn", "write_lsn", "flush_lsn", "replay_lsn", "write_lag", "flush_lag",
           "replay_lag", "sync_state", "sync_priority", "reply_time", "slot_name", "timeline",
           "lag_bytes", "lag", "bytes_sent", "bytes_per_second", "walcast_mean", "written_mean",
           "flushed_mean", "applied_mean", "waits_for", "tls")


def _read(name):
    with open(os.path.join(_PAGE, name), encoding="utf-8") as file:
        return file.read()


def page_text():
    """The document, put together as cmake/EmbedPage.cmake does it."""
    return _read("index.html").replace("@STYLES@", _read("page.css")).replace(
        "@SCRIPT@", _read("page.js"))


def page_policy(document):
    """As server/http/page.cc makes it."""
    def hashes(name):
        texts = re.findall(f"<{name}>(.*?)</{name}>", document, re.DOTALL)
        return " ".join("'sha256-" + base64.b64encode(
            hashlib.sha256(text.encode()).digest()).decode() + "'" for text in texts)
    return (f"default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action"
            f" 'none'; frame-ancestors 'none'; script-src {hashes('script')};"
            f" style-src {hashes('style')}")


def planted_standby(number, **changes):
    row = {"pid": 1000 + number, "usename": "replicator", "application_name": f"node{number:04}",
           "client_addr": f"10.0.{number // 250}.{number % 250}", "client_port": 40000 + number,
           "backend_start": 1_800_000_000.0 + number, "state": "streaming",
           "sent_lsn": "1/3000060", "write_lsn": "1/3000060", "flush_lsn": "1/3000000",
           "replay_lsn": "1/3000000", "write_lag": 0.0002, "flush_lag": 0.0012,
           "replay_lag": 0.0013, "sync_state": "async", "sync_priority": 0,
           "reply_time": 1_800_000_100.0, "slot_name": f"slot{number}" if number % 3 == 0 else None,
           "timeline": 1, "lag_bytes": (number * 7919) % 100_000, "lag": (number % 40) / 1000,
           "bytes_sent": 50 * _MEGABYTE + number, "bytes_per_second": 200_000.0,
           "walcast_mean": 0.00007, "written_mean": 0.0002, "flushed_mean": 0.001,
           "applied_mean": 0.0002, "waits_for": "standby's disk", "tls": None}
    row.update(changes)
    return row


def planted_snapshot(standbys):
    """Of a relay with so many standbys; to be changed before it is shown."""
    latency = [{"stage": stage, "count": 12_345, "mean": mean, "p50": mean * 0.8, "p99": mean * 4,
                "p999": mean * 9, "max": mean * 20}
               for stage, mean in (("received", 3e-6), ("stored", 2.1e-5), ("proven", 5e-6),
                                   ("published", 2e-6), ("taken", 9e-6), ("sent", 3e-5),
                                   ("walcast", 7e-5), ("written", 2.2e-4), ("flushed", 1.1e-3),
                                   ("applied", 2.4e-4))]
    return {
        "time": time.time(),
        "server": {"version": "0.13", "wal_version": 15, "system_identifier": "7300000000000000001",
                   "pid": 4711, "start_time": 1_800_000_000.0, "config_load_time": 1_800_000_000.0,
                   "ready": True, "stopping": False, "timeline": 1, "wal_end": "1/3000060",
                   "wal_end_bytes": 4345298016, "bytes_sent": standbys * 50 * _MEGABYTE,
                   "loops_silent": 0},
        "upstream": {"state": "streaming", "text": "host=10.1.0.1 port=5432",
                     "since": 1_800_000_000.0, "conninfo": "host=10.1.0.1 password=********",
                     "host": "10.1.0.1", "port": 5432, "slot_name": "walcast",
                     "receive_start_lsn": "0/3000000", "written_lsn": "1/3000060",
                     "flushed_lsn": "1/3000000", "timeline": 1, "latest_end_lsn": "1/3000060",
                     "latest_end_time": time.time(), "last_message_time": time.time(),
                     "lag_bytes": 0},
        "spool": {"directory": "/var/lib/walcast/spool", "oldest_lsn": "0/C3000000",
                  "newest_lsn": "1/4000000", "segments": 65, "bytes": 65 * 16 * _MEGABYTE,
                  "free_bytes": 40 << 30, "size_bytes": 100 << 30,
                  "min_free_bytes": 64 * _MEGABYTE, "grows": True, "bytes_per_second": 3.1e6,
                  "full_in": 13_800.0},
        "slots": [{"slot_name": "slot0", "temporary": False, "active": True, "active_pid": 1000,
                   "restart_lsn": "1/2000000", "wal_status": "reserved", "safe_wal_size": None,
                   "retained_bytes": 17 * _MEGABYTE, "owner": "replicator"}],
        "holds": [{"holder": "replication slot \"slot0\"",
                   "reason": "its standby may still ask for it", "from_lsn": "1/2000000",
                   "since": 1_800_000_050.0, "bytes": 17 * _MEGABYTE}],
        "latency": latency,
        "limits": [{"limit": "max_wal_senders", "used": standbys, "max": 10_000},
                   {"limit": "client_memory", "used": 1 << 20, "max": 1 << 27}],
        "threads": [],
        "log": [{"number": 1, "time": 1_800_000_000.0, "level": "LOG",
                 "text": "streaming from the primary"},
                {"number": 2, "time": 1_800_000_010.0, "level": "WARNING",
                 "text": "<b>a client's name</b> & what it says"}],
        "standbys": [planted_standby(number) for number in range(standbys)],
    }


def event_of(snapshot):
    """What /events sends of it: the standbys' columns stand once."""
    said = copy.deepcopy(snapshot)
    said["columns"] = list(COLUMNS)
    said["standbys"] = [[row[name] for name in COLUMNS] for row in said["standbys"]]
    return f"event: snapshot\ndata: {json.dumps(said)}\n\n".encode()


class PlantedServer:
    """Serves the page, and the snapshot that was shown last every `interval` seconds."""

    def __init__(self, snapshot, interval=0.2):
        self._event = event_of(snapshot)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._interval = interval
        document = page_text()
        policy = page_policy(document)
        planted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                if self.path == "/events":
                    return self.events()
                if self.path != "/":
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                return self.wfile.write(document.encode())

            def events(self):
                if planted.is_lost():
                    return self.send_error(503)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                while not planted.is_lost():
                    self.wfile.write(planted.event())
                    if planted.wait():
                        return None
                return None

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def show(self, snapshot):
        snapshot["time"] = time.time()
        event = event_of(snapshot)
        with self._lock:
            self._event = event

    def event(self):
        with self._lock:
            return self._event

    def is_lost(self):
        return self._lost.is_set() or self._stopping.is_set()

    def lose(self, is_lost=True):
        """Streams end, and new ones are refused; or they are taken again."""
        if is_lost:
            self._lost.set()
        else:
            self._lost.clear()

    def wait(self):
        return self._stopping.wait(self._interval)

    def close(self):
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _find_selenium():
    """Debian's, also where another Python of the same version comes first."""
    if _DEBIAN_PACKAGES not in sys.path:
        sys.path.append(_DEBIAN_PACKAGES)


def has_browser():
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


def open_browser(width=1400, height=1000, dark=False):
    """A driver of Debian's Chromium, to be ended by quit()."""
    _find_selenium()
    from selenium import webdriver  # only where there is a browser
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
                 "--force-color-profile=srgb", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    # A window cannot be as narrow as a phone; what the page sees can.
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
    return driver
