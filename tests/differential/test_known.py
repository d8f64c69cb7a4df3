"""The list of what differs is where users look for it."""

import os
import unittest

from known import KNOWN

_PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                         "..", "..", "docs", "protocol.md")


class KnownTest(unittest.TestCase):
    def test_the_protocol_documentation_names_every_difference(self):
        with open(_PROTOCOL, encoding="utf-8") as documentation:
            text = " ".join(documentation.read().split())
        for name in KNOWN:
            with self.subTest(name):
                self.assertTrue(name in text, "docs/protocol.md does not have it")


if __name__ == "__main__":
    unittest.main()
