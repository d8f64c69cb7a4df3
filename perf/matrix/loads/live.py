"""Commits at a rate on their way to live standbys: by number of standbys; to one; and the highest
rate at which they still come in time."""

from matrix.loads.load import Load
from matrix.rig import Rig

_RATE = 200
_RATE_OF_MANY = 100     # of more standbys than _MANY
_MANY = 1000
_WARM_UP_SECONDS = 1
P99_MS_MAX = 50
_REACHED = 0.95         # of a rate: less is behind
_RATE_MIN = 25
_PROBE_WRITERS = 4
_PROBE_COMMITS_MIN = 100


def figures_of(run):
    """What is kept of a run of walbench live."""
    arrival = run["classes"][0]["arrival"]["all_us"]
    server = run["server"]
    return {
        "commits_per_second": run["commits_per_second"], "commits": run["commits"],
        "p50_us": arrival["p50"], "p90_us": arrival["p90"], "p99_us": arrival["p99"],
        "p999_us": arrival["p99.9"], "max_us": arrival["max"],
        "commit_p50_us": run["commit"]["all_us"]["p50"],
        "commit_p99_us": run["commit"]["all_us"]["p99"],
        "cpu_us_per_delivery": server["cpu_us_per_delivery"],
        "cpu_us_per_commit": server["cpu_us_per_commit"],
        "bytes_per_standby": server["pss_bytes_per_standby"],
        "switches_per_commit": (server["voluntary_switches"] + server["involuntary_switches"])
                               / max(1, run["commits"]),
        "arrived": run["deliveries"] / max(1, run["deliveries_expected"]),
        "failed_standbys": run["failed_standbys"], "others_cpu": run["others_cpu"],
    }


class Live(Load):
    """Each server is started anew for each run, one at a time, behind the same primary."""

    name = "live"
    subjects = ("direct", "cascade", "directory", "relay", "attach", "forwarder")
    setup_seconds = 6

    @classmethod
    def standbys(cls, plan):
        return plan.standbys

    @classmethod
    def cases(cls, plan):
        return [{"standbys": standbys, "rate": _RATE_OF_MANY if standbys > _MANY else _RATE}
                for standbys in cls.standbys(plan)]

    @classmethod
    def commits(cls, plan):
        return plan.commits

    @classmethod
    def seconds(cls, plan, turn):
        standbys, rate = turn.case["standbys"], turn.case["rate"]
        is_postgres = turn.subject in ("direct", "cascade")
        written = _WARM_UP_SECONDS + cls.commits(plan) / rate
        return 1.5 + written + standbys * (0.008 if is_postgres else 0.001)

    def __init__(self, area, plan):
        super().__init__(area, plan)
        settings = {"fsync": "off", "wal_keep_size": "512MB"}
        self.rig = Rig(area, max(self.standbys(plan)), **settings).start()

    def play(self, turn):
        return self.serve(turn, lambda subject, port: self._run(turn, subject, port))

    def serve(self, turn, measure):
        """Starts the subject, measures, and stops it: what was measured, and its own report."""
        subject = self.subject(turn.subject, self.rig.subject)
        lsn = self.rig.begin_segment()
        port = subject.start()
        self.rig.wait_for(subject, port, lsn)
        figures = measure(subject, port)
        subject.stop()
        self.rig.wait_for_quiet()
        report = subject.report()
        return {**figures, "report": report} if report else figures

    def _run(self, turn, subject, port):
        """Nothing is written any more after half as much time again as it should take."""
        commits = self.commits(self.plan)
        rate = turn.case["rate"]
        return figures_of(self.rig.live(
            subject, port, turn.case["standbys"], rate, commits=commits,
            duration=f"{1.5 * commits / rate + 1:.0f}s", warm_up=f"{_WARM_UP_SECONDS}s"))


class Single(Live):
    """What a server adds to the way to one standby: more commits, for differences that are small."""

    name = "single"
    subjects = ("direct", "forwarder", "relay", "attach")

    @classmethod
    def standbys(cls, plan):
        return (1,)

    @classmethod
    def commits(cls, plan):
        return plan.single_commits


class Rate(Live):
    """The highest rate at which all standbys have 99 of 100 commits within 50 ms: from 100/s on it is
    doubled, or halved, until one rate holds and its double does not, and what lies between is halved
    `bisections` times. Several sessions commit in turns."""

    name = "rate"
    subjects = ("direct", "cascade", "relay", "attach", "forwarder")

    @classmethod
    def cases(cls, plan):
        return [{"standbys": standbys} for standbys in plan.standbys]

    @classmethod
    def rounds(cls, plan):
        return 1

    @classmethod
    def seconds(cls, plan, turn):
        standbys = turn.case["standbys"]
        is_postgres = turn.subject in ("direct", "cascade")
        probes = plan.bisections + (2 if is_postgres and standbys > 100 else 5)
        return probes * (plan.probe_seconds + 2.5 + standbys * (0.008 if is_postgres else 0.002))

    def play(self, turn):
        standbys = turn.case["standbys"]
        return self.serve(turn, lambda subject, port: search(
            lambda rate: self._probe(subject, port, standbys, rate), self.plan.bisections,
            self.plan.rate_max))

    def _probe(self, subject, port, standbys, rate):
        commits = max(_PROBE_COMMITS_MIN, int(rate * self.plan.probe_seconds))
        figures = figures_of(self.rig.live(
            subject, port, standbys, rate, commits=commits, warm_up="500ms",
            duration=f"{1.5 * commits / rate + 1:.0f}s", writers=_PROBE_WRITERS))
        keeps = ("commits_per_second", "p50_us", "p99_us", "cpu_us_per_delivery", "arrived")
        return {"rate": rate, "holds": holds(rate, figures), **{name: figures[name]
                                                                for name in keeps}}


def holds(rate, figures):
    return (figures["commits_per_second"] >= _REACHED * rate and figures["arrived"] >= 0.999
            and figures["failed_standbys"] == 0 and figures["p99_us"] < P99_MS_MAX * 1000)


def search(probe, bisections, rate_max, begin=100):
    """The highest rate whose probe holds, 0 if none does, and all probes on the way to it."""
    probes = [probe(begin)]
    factor = 2 if probes[0]["holds"] else 0.5
    while probes[-1]["holds"] == (factor == 2) and _RATE_MIN <= probes[-1]["rate"] * factor \
            <= rate_max:
        probes.append(probe(probes[-1]["rate"] * factor))

    def best():
        return max((one["rate"] for one in probes if one["holds"]), default=0)
    above = min((one["rate"] for one in probes if not one["holds"]), default=None)
    for _ in range(bisections if above and best() else 0):
        probes.append(probe((best() + above) / 2))
        above = min(one["rate"] for one in probes if not one["holds"] and one["rate"] > best())
    return {"rate": best(), "probes": probes}
