"""Waiting for a condition, with a deadline and a reason."""

import time

POLL_SECONDS = 0.01


class Timeout(AssertionError):
    """A condition did not come true in time."""


def wait_until(condition, what, timeout=60.0):
    """Polls until `condition()` is true and returns its value; `what` explains a failure."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"not within {timeout:g} s: {what() if callable(what) else what}")
        time.sleep(POLL_SECONDS)
