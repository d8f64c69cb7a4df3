"""What plays a script of bytes at two servers and compares what they say."""

import os
import sys

# The library of the end-to-end tests, `support`, serves here too.
sys.path.append(os.path.join(os.path.dirname(__file__), "..", "..", "e2e"))
