"""What a message costs on each hot path, in instructions of walcast's own, as callgrind counts
them: whatever else the machine does, two runs agree, so there is a bound that means something."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

_TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
_HOT_PATH = os.environ.get("WALCAST_HOT_PATH",
                           os.path.join(_TOP, "build", "release", "bench", "hot_path"))

# Instructions a message, as Debian 12's g++ makes them; bench/hot_path.cc has what is counted. A
# change that costs more says why it is worth it, and raises the bound. One that saves lowers it.
_BOUNDS = {
    "reply_parsed": 254,
    "commit_sent": 1820,
    "reply_taken": 980,
    "commit_received": 2701,
    "record_40_proven": 280,
    "record_200_proven": 436,
    "message_cycle": 506,
}
_SLACK = 1.05  # another libc copies bytes in other steps


class HotPathTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        if not shutil.which("valgrind"):
            raise unittest.SkipTest("valgrind is missing, which counts the instructions")
        with tempfile.TemporaryDirectory() as area:
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", "--collect-atstart=no",
                 f"--callgrind-out-file={area}/counted", _HOT_PATH],
                capture_output=True, text=True, timeout=150, check=False)
            if done.returncode != 0:
                raise AssertionError(done.stdout + done.stderr)
            instructions = dict(_dumps(area))
        cls.counted = {name: instructions[name] / int(messages) for name, messages in
                       re.findall(r"^(\w+) (\d+)$", done.stdout, re.MULTILINE)}

    def test_every_path_has_a_bound(self):
        self.assertEqual(set(self.counted), set(_BOUNDS))

    def test_no_message_costs_more_than_its_bound(self):
        for name, count in self.counted.items():
            bound = _BOUNDS.get(name, 0)
            print(f"{name}: {count:.1f} instructions a message, bound {bound}"
                  f"{', which could be lower' if count * _SLACK < bound else ''}", flush=True)
            with self.subTest(name):
                self.assertLessEqual(count, bound * _SLACK)

    def test_no_path_was_left_out_of_the_count(self):
        for name, count in self.counted.items():
            self.assertGreater(count, _BOUNDS.get(name, 0) / 2, name)


def _dumps(area):
    """The name under which each was dumped, and its instructions."""
    for file in os.listdir(area):
        with open(os.path.join(area, file), encoding="utf-8", errors="replace") as dump:
            text = dump.read()
        name = re.search(r"^desc: Trigger: Client Request: (\w+)$", text, re.MULTILINE)
        if name:
            yield name[1], int(re.search(r"^totals: (\d+)", text, re.MULTILINE)[1])


if __name__ == "__main__":
    unittest.main()
