"""Streams: the same tests for PostgreSQL's walsender and for walcast."""

import struct
import time

from support.case import PostgresCase, WalcastCase
from support.lsn import format_lsn, parse_lsn
from support.replication import (CHUNK_BYTES_MAX, Closed, Keepalive, Shutdown,
                                 StreamError)
from support.wal import PAGE, waldump

_TAGS = ["START_STREAMING", "START_REPLICATION"]


class StreamTests:
    """Mixed into one class per server."""

    def setUp(self):
        self.client = self.session()
        self.end = parse_lsn(self.client.identify()[2])
        self.begin = self.wal.begin()

    def assert_session_goes_on(self):
        self.assertEqual(self.client.identify()[0], self.system_identifier)

    def test_bytes_are_those_of_the_files_from_any_position(self):
        middle = self.begin + 3 * PAGE
        for start in (self.begin, self.begin + 1, middle - 1, middle, middle + 4711, self.end - 1):
            with self.subTest(format_lsn(start)):
                self.assertIsNone(self.client.start(start, 1))
                data = self.client.receive_until(self.end)
                self.assertTrue(data == self.wal.read(1, start, self.end))
                self.assertEqual(self.client.stop().tags, _TAGS)

    def test_messages_end_at_record_ends_or_pages(self):
        records, complaint = waldump(self.area, self.wal, 1, self.begin, self.end)
        self.assertEqual((complaint, records[-1].end), ("", self.end))
        ends = {record.end for record in records}
        for start in (self.begin, self.begin + 1, self.begin + 12345):
            self.client.start(start, 1)
            self.client.receive_until(self.end)
            self.client.stop()
            torn = [at for at in self.client.message_ends if at % PAGE and at not in ends]
            self.assertEqual([format_lsn(at) for at in torn], [])

    def test_bulk_messages_are_as_large_as_they_may_be(self):
        self.client.start(self.begin, 1)
        self.client.receive_until(self.end)
        chunks = (self.end - self.begin) / CHUNK_BYTES_MAX
        self.assertLessEqual(len(self.client.message_ends), 2 * chunks + 2)

    def test_without_a_timeline_the_current_one_is_streamed(self):
        self.assertIsNone(self.client.start(self.begin))
        self.assertTrue(self.client.receive_until(self.end) ==
                        self.wal.read(1, self.begin, self.end))

    def test_a_keepalive_answers_a_status_that_asks(self):
        self.client.start(self.end, 1)
        keepalive, data = self.client.ping()
        self.assertEqual((keepalive.wal_end, keepalive.reply_requested, data),
                         (self.end, False, b""))
        seconds = keepalive.sent_at / 1e6 + 946684800
        self.assertAlmostEqual(seconds, time.time(), delta=5)

    def test_a_keepalive_comes_behind_the_data_already_sent(self):
        self.client.start(self.begin, 1)
        self.client.receive_until(self.begin + CHUNK_BYTES_MAX)
        keepalive, _ = self.client.ping()
        self.assertEqual(keepalive.wal_end, self.client.position)

    def test_a_stream_may_be_ended_and_begun_again(self):
        for start in (self.begin, self.end, self.begin):
            self.assertIsNone(self.client.start(start, 1))
            answer = self.client.stop()
            self.assertEqual((answer.types(), answer.tags), ("cCCZ", _TAGS))
        self.assert_session_goes_on()

    def test_a_command_may_be_pipelined_behind_copy_done(self):
        self.client.start(self.end, 1)
        self.client.send("c")
        self.client.send("Q", b"IDENTIFY_SYSTEM\0")
        self.assertEqual(self.client.result().tags, _TAGS)
        self.assertEqual(self.client.result().tags, ["IDENTIFY_SYSTEM"])

    def test_a_start_beyond_the_end_is_refused_in_the_stream(self):
        beyond = self.end + (1 << 20)
        self.assertIsNone(self.client.start(beyond, 1))
        event = self.client.next_event()
        self.assertIsInstance(event, StreamError)
        self.assertEqual((event.fields["S"], event.fields["C"]), ("ERROR", "XX000"))
        self.assertEqual(event.fields["M"],
                         f"requested starting point {format_lsn(beyond)} is ahead of the WAL flush"
                         f" position of this server {format_lsn(self.end)}")
        self.assertEqual(self.client.result().types(), "Z")
        self.assert_session_goes_on()

    def test_feedback_of_every_kind_is_taken(self):
        self.client.start(self.end, 1)
        for write, flush, apply in ((0, 0, 0), (self.end, 0, 0), (self.begin, self.begin, 0),
                                    (self.end, self.end, self.end), (2**64 - 1,) * 3):
            self.client.send_status(write, flush, apply)
        self.client.send("d", struct.pack("!cqIIII", b"h", 0, 0, 0, 0, 0))
        self.client.send("d", struct.pack("!cqIIII", b"h", 0, 750, 0, 750, 0) + b"more")
        self.assertEqual(self.client.ping()[0].wal_end, self.end)

    def test_a_status_too_short_ends_the_stream_but_not_the_session(self):
        for body, text in ((b"", "no data left in message"),
                           (b"r\0\0", "insufficient data left in message")):
            with self.subTest(text):
                self.client.start(self.end, 1)
                self.client.send("d", body)
                event = self.client.next_event()
                self.assertIsInstance(event, StreamError)
                self.assertEqual((event.fields["C"], event.fields["M"]), ("08P01", text))
                self.assertEqual(self.client.result().types(), "Z")
        self.assert_session_goes_on()

    def test_an_unknown_status_closes_without_a_word(self):
        self.client.start(self.end, 1)
        self.client.send("d", b"z")
        self.assertEqual(self.client.next_event(), Closed())
        self.assert_serves()

    def test_a_command_inside_a_stream_is_fatal(self):
        self.client.start(self.end, 1)
        self.client.send("Q", b"IDENTIFY_SYSTEM\0")
        event = self.client.next_event()
        self.assertIsInstance(event, StreamError)
        self.assertEqual((event.fields["S"], event.fields["C"], event.fields["M"]),
                         ("FATAL", "08P01", 'invalid standby message type "Q"'))
        self.assertEqual(self.client.next_event(), Closed())
        self.assert_serves()

    def test_terminate_ends_a_stream_at_once(self):
        self.client.start(self.end, 1)
        self.client.send("X")
        self.assertEqual(self.client.next_event(), Closed())

    def test_clients_that_vanish_while_streaming_harm_nobody(self):
        for _ in range(10):
            other = self.session()
            other.start(self.begin, 1)
            other.next_event()
            other.close()
        self.client.start(self.begin, 1)
        self.assertTrue(self.client.receive_until(self.end) ==
                        self.wal.read(1, self.begin, self.end))


class PostgresStream(StreamTests, PostgresCase):
    SETTINGS = {"max_wal_senders": 40}


class WalcastStream(StreamTests, WalcastCase):
    pass


class TimeoutTests:
    """wal_sender_timeout is two seconds here."""

    def test_a_silent_client_is_pinged_at_half_time_and_closed_at_full_time(self):
        client = self.session()
        end = parse_lsn(client.identify()[2])
        client.start(end, 1)
        started = time.monotonic()
        event = client.next_event()
        self.assertAlmostEqual(time.monotonic() - started, 1, delta=0.5)
        self.assertIsInstance(event, Keepalive)
        self.assertEqual((event.reply_requested, event.wal_end), (True, end))
        self.assertEqual(client.next_event(), Closed())
        self.assertAlmostEqual(time.monotonic() - started, 2, delta=0.7)
        self.server.wait_for("terminating walsender process due to replication timeout")

    def test_a_client_that_answers_pings_stays(self):
        client = self.session()
        client.start(parse_lsn(client.identify()[2]), 1)
        started = time.monotonic()
        while time.monotonic() - started < 3:
            self.assertIsInstance(client.next_event(), Keepalive)
            client.send_status()
        self.assertEqual(client.ping()[1], b"")

    def test_a_client_that_reads_but_never_answers_is_cut(self):
        client = self.session()
        client.start(self.wal.begin(), 1)
        _, event = client.receive_to_end(answer_pings=False)
        self.assertEqual(event, Closed())

    def test_a_client_that_does_not_read_is_cut(self):
        client = self.session(receive_buffer=4096)
        logged = self.server.count_in_log("terminating walsender process")
        client.start(self.wal.begin(), 1)
        self.server.wait_for(r"(?s)(terminating walsender process.*){%d}" % (logged + 1))
        self.assert_serves()


class PostgresTimeout(TimeoutTests, PostgresCase):
    SETTINGS = {"wal_sender_timeout": "2s"}


class WalcastTimeout(TimeoutTests, WalcastCase):
    WALCAST_OPTIONS = {"wal_sender_timeout": "2s"}


class ShutdownTests:
    """A graceful stop, as a walsender makes it."""

    def test_streams_drain_and_idle_sessions_are_told(self):
        idle, streaming = self.session(), self.session()
        end = parse_lsn(idle.identify()[2])
        streaming.start(end, 1)
        streaming.send_status()
        streaming.ping()
        self.begin_shutdown()
        answer = idle.result()
        self.assertEqual((answer.error["S"], answer.error["C"]), ("FATAL", "57P01"))
        self.assertEqual(answer.error["M"], "terminating connection due to administrator command")
        _, event = streaming.receive_to_end()
        self.assertEqual(event, Shutdown("COPY 0"))
        self.assertEqual(streaming.next_event(), Closed())
        self.assertEqual(self.server.wait(), 0)


class PostgresShutdown(ShutdownTests, PostgresCase):

    def begin_shutdown(self):
        self.primary.begin_stop()


class WalcastShutdown(ShutdownTests, WalcastCase):

    def begin_shutdown(self):
        self.walcast.begin_stop()
