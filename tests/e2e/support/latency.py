"""walcast's report of where WAL spends its time, as tests and measurements read it."""

import re
import signal

from support.wait import wait_until

# In their order; each begins where the one before ends.
SERVER_STAGES = ("received", "stored", "proven", "published", "taken", "sent")


class Report:
    """One that was printed: the lines of its stages, and those of its standbys."""

    _STAGE = re.compile(r"^(\w+|= walcast) +(\d+) +(\S+ \S+) +(\S+ \S+) +(\S+ \S+) +(\S+ \S+)"
                        r" +(\S+ \S+)  ", re.MULTILINE)
    _SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1}

    def __init__(self, text):
        self.text = text
        lines = list(self._STAGE.finditer(text))
        self.deliveries = {line[1]: int(line[2]) for line in lines}
        self.means = {line[1]: self._seconds(line[3]) for line in lines}
        self.longest = {line[1]: self._seconds(line[7]) for line in lines}

    @classmethod
    def _seconds(cls, words):
        number, unit = words.split()
        return float(number) * cls._SECONDS[unit]

    def server_stages(self):
        """The mean seconds of each of walcast's own stages that there are."""
        return {stage: self.means[stage] for stage in SERVER_STAGES if stage in self.means}

    def standby(self, name):
        """Its columns and its verdict; none if it has no line."""
        line = re.search(rf"^{name} .*$", self.text, re.MULTILINE)
        if not line:
            return None
        cut = [line[0][begin:end].strip()
               for begin, end in ((32, 42), (53, 62), (63, 72), (73, 82), (84, None))]
        return dict(zip(("deliveries", "written", "flushed", "applied", "verdict"), cut))


def reports_of(walcast):
    return [Report(text) for text in
            re.findall(r"walcast: latency of the last.*\n(?:(?!walcast: ).*\n)*",
                       walcast.process.stdout())]


def new_report(walcast):
    known = len(reports_of(walcast))
    walcast.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: len(reports_of(walcast)) > known, "a report")
    return reports_of(walcast)[-1]


def wait_for_report(walcast, accepts):
    """The first that is accepted, of those that are asked for again and again."""
    last = []

    def look():
        last[:] = [new_report(walcast)]
        return accepts(last[0]) and last[0]
    return wait_until(look, lambda: f"such a report; the last one was\n{last[0].text}")


def verdict_is(name, beginning):
    def accepts(report):
        standby = report.standby(name)
        return standby and standby["verdict"].startswith(beginning)
    return accepts
