"""The page: by planted snapshots of 0, 3, 50 and 2,000 standbys, and by a server's own."""

import os
import time
import unittest

from support.case import E2eCase
from support.wait import wait_until
from support.walcast import Fleet, Walcast, generate
from support.window import (PlantedServer, has_browser, open_browser, planted_snapshot,
                            planted_standby)

# Where screenshots go, for a person to look at; they are not kept without it.
_SCREENSHOTS = os.environ.get("WALCAST_SCREENSHOTS")


class PageCase(E2eCase):
    WIDTH, HEIGHT, DARK = 1400, 1000, False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = open_browser(cls.WIDTH, cls.HEIGHT, cls.DARK)
        cls.addClassCleanup(cls.browser.quit)

    def plant(self, snapshot, interval=0.2):
        server = PlantedServer(snapshot, interval)
        self.addCleanup(server.close)
        self.open(server.url)
        return server

    def open(self, url):
        self.browser.get(url)
        self.wait_for_snapshots(1)

    def run_script(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def snapshots(self):
        return int(self.run_script("return document.body.dataset.snapshots || '0'"))

    def wait_for_snapshots(self, more):
        wanted = self.snapshots() + more
        wait_until(lambda: self.snapshots() >= wanted, "snapshots are shown", timeout=30)

    def text(self, selector):
        return self.run_script("return document.querySelector(arguments[0]).innerText", selector)

    def rows(self):
        """The names of the standbys whose rows exist."""
        return self.run_script("return [...document.querySelectorAll('#rows tbody tr[data-pid]')]"
                               ".map((row) => row.cells[0].textContent)")

    def cells(self, name):
        return self.run_script(
            "const row = [...document.querySelectorAll('#rows tbody tr[data-pid]')]"
            ".find((row) => row.cells[0].textContent === arguments[0]);"
            "return row ? [...row.cells].map((cell) => cell.textContent) : null", name)

    def search(self, words):
        self.run_script("const field = document.getElementById('search'); field.value ="
                        " arguments[0]; field.dispatchEvent(new Event('input'))", words)

    def sort_by(self, title):
        self.run_script("[...document.querySelectorAll('#rows th button')].find((button) =>"
                        " button.textContent.startsWith(arguments[0])).click()", title)

    def screenshot(self, name):
        if not _SCREENSHOTS:
            return
        os.makedirs(_SCREENSHOTS, exist_ok=True)
        self.browser.save_screenshot(os.path.join(_SCREENSHOTS, f"{name}.png"))

    def assert_nothing_is_wrong(self):
        """No error of the script, and nothing that the page's policy has refused."""
        faults = [entry["message"] for entry in self.browser.get_log("browser")
                  if entry["level"] == "SEVERE"]
        self.assertEqual(faults, [])
        wide = self.run_script("return document.documentElement.scrollWidth - window.innerWidth")
        self.assertLessEqual(wide, 0, "the page is wider than its window")


@unittest.skipUnless(has_browser(), "needs chromium and chromedriver")
class PlantedPageTest(PageCase):
    def test_no_standby(self):
        self.plant(planted_snapshot(0))
        self.assertIn("0 standbys", self.text("#summary"))
        self.assertEqual(self.text("#none"), "No standby is connected.")
        self.screenshot("page-0")
        self.assert_nothing_is_wrong()

    def test_three_standbys(self):
        snapshot = planted_snapshot(3)
        snapshot["standbys"][1].update(application_name="walcast-paris")
        self.plant(snapshot)
        self.assertEqual(sorted(self.rows()), ["node0000", "node0002", "walcast-paris"])
        self.assertIn("10.1.0.1:5432", self.text("#box-primary"))
        self.assertIn("walcast-paris", self.text("#box-walcasts"))
        self.assertIn("3.8 h at 3.0 MB/s", self.text("#disk"))
        self.assertIn("replication slot", self.text("#holds"))
        self.assertIn("p99.9", self.text("#latency"))
        self.assertIn("1.10 ms", self.text("#latency"))
        self.screenshot("page-3")
        self.assert_nothing_is_wrong()

    def test_names_and_log_lines_are_never_markup(self):
        snapshot = planted_snapshot(1)
        snapshot["standbys"][0].update(application_name="<img src=x onerror=alert(1)>")
        self.plant(snapshot)
        self.assertEqual(self.rows(), ["<img src=x onerror=alert(1)>"])
        self.assertIn("<b>a client's name</b> & what it says", self.text("#log"))
        self.assertEqual(self.run_script("return document.querySelectorAll('#rows img, #log b')"
                                         ".length"), 0)

    def test_a_standby_falls_behind_and_recovers(self):
        snapshot = planted_snapshot(50)
        server = self.plant(snapshot)
        self.screenshot("page-50")
        snapshot["standbys"][7].update(lag_bytes=900 << 20, lag=75.0, state="catchup",
                                       waits_for="socket full")
        server.show(snapshot)
        wait_until(lambda: self.rows()[0] == "node0007", "the one that is behind is first")
        cells = self.cells("node0007")
        for shown in ("catchup", "900 MB", "75.0 s", "socket full"):
            self.assertIn(shown, cells)
        self.assertIn("warn", self.run_script("return document.getElementById('box-standbys')"
                                              ".className"))
        self.assertIn("75.0 s", self.text("#lag-now"))
        snapshot["standbys"][7].update(lag_bytes=0, lag=0.0, state="streaming",
                                       waits_for="nothing yet")
        server.show(snapshot)
        wait_until(lambda: self.rows()[0] != "node0007", "it is behind no more")
        self.assertIn("good", self.run_script("return document.getElementById('box-standbys')"
                                              ".className"))
        self.assert_nothing_is_wrong()

    def test_a_lost_primary_is_seen(self):
        snapshot = planted_snapshot(3)
        server = self.plant(snapshot)
        snapshot["upstream"].update(state="failing", text="connection refused")
        server.show(snapshot)
        wait_until(lambda: "connection refused" in self.text("#box-primary"), "it says why")
        self.assertIn("bad", self.run_script("return document.getElementById('box-primary')"
                                             ".className"))
        snapshot["upstream"].update(state="streaming", text="host=10.1.0.1 port=5432")
        server.show(snapshot)
        wait_until(lambda: "refused" not in self.text("#box-primary"), "it streams again")

    def test_a_lost_walcast_is_seen_and_comes_back(self):
        server = self.plant(planted_snapshot(3))
        server.lose()
        wait_until(lambda: "No connection to walcast" in self.text("#trouble"), "the page says so")
        server.lose(False)
        wait_until(lambda: self.run_script("return document.getElementById('trouble').hidden"),
                   "it is connected again", timeout=30)
        self.wait_for_snapshots(1)

    def test_it_is_sorted_and_searched_by_keyboard_too(self):
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys
        self.plant(planted_snapshot(50))
        self.sort_by("Name")
        self.assertEqual(self.rows()[:2], ["node0000", "node0001"])
        self.sort_by("Name")
        self.assertEqual(self.rows()[0], "node0049")
        self.assertEqual(self.run_script("return document.querySelector('#rows th').ariaSort"),
                         "descending")
        ActionChains(self.browser).send_keys("/").send_keys("node001").perform()
        self.assertEqual(sorted(self.rows()), [f"node{n:04}" for n in range(10, 20)])
        self.assertEqual(self.text("#count"), "10 of 50")
        ActionChains(self.browser).send_keys(Keys.ESCAPE).perform()
        self.assertEqual(self.text("#count"), "50")
        self.search("slot3 replicator")
        self.assertEqual(set(self.rows()), {"node0003", "node0030", "node0033", "node0036",
                                            "node0039"})
        self.search("no such name")
        self.assertEqual(self.text("#none"), "No standby is like that.")
        self.search("")
        self.assert_nothing_is_wrong()

    def test_two_thousand_standbys_without_a_stall(self):
        snapshot = planted_snapshot(2000)
        snapshot["standbys"].append(planted_standby(2000, application_name="needle",
                                                    lag_bytes=123))
        server = self.plant(snapshot, interval=2)  # as the server sends so many
        self.wait_for_snapshots(2)
        self.screenshot("page-2000")
        self.assertLess(len(self.rows()), 100, "only the rows that are seen exist")
        # A long task would keep the page from its user; the first ones are of the start.
        self.run_script("window.longest = 0; new PerformanceObserver((list) => { for (const task of"
                        " list.getEntries()) window.longest = Math.max(window.longest,"
                        " task.duration); }).observe({ type: 'longtask' })")
        begun = time.monotonic()
        for title in ("Name", "Lag", "State", "Rate", "Name"):
            self.sort_by(title)
        self.search("needle")
        self.assertEqual(self.rows(), ["needle"])
        self.search("")
        self.run_script("document.getElementById('standbys').scrollTop = 1000 * 31")
        wait_until(lambda: "node0990" in self.rows() or "node1005" in self.rows(),
                   "rows in the midst are shown")
        took = time.monotonic() - begun
        self.figure(f"five sorts, a search and a scroll of 2,000 rows took {took:.2f} s")
        self.assertLess(took, 10)
        server.show(snapshot)
        self.wait_for_snapshots(3)
        longest = self.run_script("return window.longest")
        self.figure(f"the longest task took {longest:.0f} ms")
        self.assertLess(longest, 1000)
        self.assert_nothing_is_wrong()


@unittest.skipUnless(has_browser(), "needs chromium and chromedriver")
class PhonePageTest(PageCase):
    WIDTH, HEIGHT, DARK = 390, 844, True

    def test_a_phone_in_the_dark(self):
        self.plant(planted_snapshot(50))
        self.assertEqual(self.run_script("return document.documentElement.dataset.theme"), "dark")
        self.screenshot("page-phone-dark")
        self.assert_nothing_is_wrong()
        self.run_script("document.getElementById('theme').click()")
        self.assertEqual(self.run_script("return document.documentElement.dataset.theme"), "light")
        self.run_script("document.getElementById('standbys-title').scrollIntoView()")
        self.screenshot("page-phone-light")


@unittest.skipUnless(has_browser(), "needs chromium and chromedriver")
class ServedPageTest(PageCase):
    def test_a_server_shows_itself(self):
        spool = self.area.path("spool")
        generate(self.area, spool, size="4MB", wal_segment_size="1MB")
        walcast = Walcast(self.area, spool_directory=spool, adopt_spool=True, synthetic="200kB/s",
                          http_listen_addresses="127.0.0.1:0")
        address = walcast.wait_for_log(r"listening on (http://127\.0\.0\.1:\d+/)")[1]
        fleet = Fleet(self.area, walcast.port, standbys=5, duration="600s")
        self.open(address)
        wait_until(lambda: len(self.rows()) == 5, "five standbys are shown")
        wait_until(lambda: "sent" in self.text("#latency"), "deliveries are counted")
        self.assertIn("/s", self.text("#rate-now"))
        self.assertIn(spool, self.text("#disk"))
        self.assertIn("listening on", self.text("#log"))
        self.screenshot("page-served")
        self.assert_nothing_is_wrong()
        fleet.process.kill()
        wait_until(lambda: self.rows() == [], "they have gone")
        walcast.stop()


if __name__ == "__main__":
    unittest.main()
