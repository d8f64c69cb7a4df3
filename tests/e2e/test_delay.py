"""How long WAL takes from the growth of a file to the socket of a standby."""

import time

from support.case import StoppedCase
from support.lsn import format_lsn
from support.partial import PartialWriter
from support.wal import PAGE

_STEPS = 2000
_STEP_BYTES = 500


class DelayTest(StoppedCase):
    """The records of a stopped primary arrive in another directory, a commit's worth at a time."""

    def steps(self):
        """Record ends, half of them before the end of a segment and half behind it."""
        boundary = self.wal.start_of(self.wal.complete()[5])
        first = boundary - _STEPS * _STEP_BYTES // 2
        ends = [record.end for record in self.records if record.end >= first]
        steps = [ends[0]]
        for end in ends:
            if end >= steps[-1] + _STEP_BYTES:
                steps.append(end)
        return steps[:_STEPS + 1]

    def assert_no_message_is_torn(self, client):
        ends = {record.end for record in self.records}
        torn = [at for at in client.message_ends if at % PAGE and at not in ends]
        self.assertEqual([format_lsn(at) for at in torn], [])

    def test_delay_from_file_growth_to_arrival(self):
        start, *steps = self.steps()
        growing = self.copy_of_wal_before(start)
        writer = PartialWriter(self.area, self.wal, growing.path, start)
        self.addCleanup(writer.close)
        client = self.connect(self.serve(growing).port)
        self.assertEqual(client.identify()[2], format_lsn(start))
        client.start(start, 1)
        delays = []
        for lsn in steps:
            position, began = client.position, time.monotonic()
            writer.write_to(lsn)
            data = client.receive_until(lsn)
            delays.append(time.monotonic() - began)
            self.assertTrue(data == self.wal.read(1, position, lsn))
        self.assert_no_message_is_torn(client)
        delays.sort()
        median, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
        self.figure(f"file growth to arrival: median {median * 1e6:.0f} us,"
                    f" p99 {p99 * 1e6:.0f} us, of {len(delays)} writes")
        self.assertLess(median, 0.05)
