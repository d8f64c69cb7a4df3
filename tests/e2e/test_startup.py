"""The start of a connection, the same tests for PostgreSQL's walsender and for walcast."""

import struct

from support.case import PostgresCase, WalcastCase
from support.protocol import (CANCEL_REQUEST, GSSENC_REQUEST, PROTOCOL_3_0, PROTOCOL_3_2,
                              SSL_REQUEST, ServerError)
from support.replication import ReplicationClient

_STARTUP = {"user": "postgres", "database": "replication", "replication": "true"}

# What differs by machine or installation, not by protocol.
_LOCAL_PARAMETERS = {"server_version", "TimeZone"}


class StartupTests:
    """Mixed into one class per server."""

    def raw(self):
        client = ReplicationClient(self.port)
        self.addCleanup(client.close)
        return client

    def assert_refused(self, code, text, **startup):
        with self.assertRaises(ServerError) as refused:
            self.session(**startup)
        fields = refused.exception.fields
        self.assertEqual((fields["S"], fields["V"], fields["C"]), ("FATAL", "FATAL", code))
        self.assertEqual(fields["M"], text)

    def assert_fatal(self, client, code, text):
        answer = client.result()
        self.assertEqual((answer.error["S"], answer.error["C"]), ("FATAL", code))
        self.assertEqual(answer.error["M"], text)
        self.assertTrue(answer.closed)

    def test_encryption_requests_are_declined_and_the_connection_goes_on(self):
        client = self.raw()
        for request in self.DECLINED:
            client.send_untyped(request)
            self.assertEqual(client.receive_bytes(1), b"N")
        client.send_startup(**_STARTUP)
        client.finish_startup()
        self.assertEqual(client.identify()[0], self.system_identifier)

    def test_an_encryption_request_is_honoured_once(self):
        client = self.raw()
        client.send_untyped(SSL_REQUEST)
        self.assertEqual(client.receive_bytes(1), b"N")
        client.send_untyped(SSL_REQUEST)
        self.assert_fatal(client, "0A000", "unsupported frontend protocol 1234.5679:"
                                           " server supports 3.0 to 3.0")

    def test_clear_bytes_behind_an_encryption_request_are_refused(self):
        client = self.raw()
        request = struct.pack("!II", 8, SSL_REQUEST)
        client.send_raw(request + struct.pack("!II", 9, PROTOCOL_3_0) + b"\0")
        self.assertEqual(client.receive_bytes(1), b"N")
        self.assert_fatal(client, "08P01", "received unencrypted data after SSL request")

    def test_cancel_request_is_closed_without_a_word(self):
        client = self.raw()
        client.send_untyped(CANCEL_REQUEST, struct.pack("!II", 1, 2))
        self.assertEqual(client.receive_bytes(1), b"")
        self.assert_serves()

    def test_a_newer_minor_protocol_is_negotiated_down(self):
        client = self.session(version=PROTOCOL_3_2)
        self.assertEqual(client.negotiated, struct.pack("!II", PROTOCOL_3_0, 0))
        self.assertEqual(len(client.backend_key), 4)

    def test_unknown_protocol_options_are_named(self):
        client = self.session(**{"_pq_.walcast_e2e": "1"})
        self.assertEqual(client.negotiated,
                         struct.pack("!II", PROTOCOL_3_0, 1) + b"_pq_.walcast_e2e\0")

    def test_another_major_protocol_is_refused(self):
        client = self.raw()
        client.send_startup(4 << 16, **_STARTUP)
        self.assert_fatal(client, "0A000",
                          "unsupported frontend protocol 4.0: server supports 3.0 to 3.0")

    def test_startup_parameters_that_are_wrong(self):
        self.assert_refused("28000", "no PostgreSQL user name specified in startup packet", user="")
        self.assert_refused("22023", 'invalid value for parameter "replication": "maybe"',
                            replication="maybe")
        self.assert_refused("42704", 'unrecognized configuration parameter "no_such_parameter"',
                            no_such_parameter="1")

    def test_startup_packet_must_end_with_its_terminator(self):
        client = self.raw()
        client.send_untyped(PROTOCOL_3_0, b"user\0postgres\0")
        self.assert_fatal(client, "08P01",
                          "invalid startup packet layout: expected terminator as last byte")

    def test_every_spelling_of_true_asks_for_replication(self):
        for spelling in ("t", "TRUE", "yes", "on", "1"):
            with self.subTest(spelling):
                client = self.session(replication=spelling)
                self.assertEqual(client.identify()[0], self.system_identifier)

    def test_garbage_is_closed_without_a_word(self):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0" * 64,
                        struct.pack("!I", 20000) + b"x" * 100):
            with self.subTest(garbage[:8]):
                client = self.raw()
                client.send_raw(garbage)
                self.assertEqual(client.receive_bytes(1), b"")
        self.assert_serves()

    def test_a_startup_packet_may_come_byte_by_byte(self):
        client = self.raw()
        body = b"user\0postgres\0database\0replication\0replication\0true\0\0"
        for byte in struct.pack("!II", 8 + len(body), PROTOCOL_3_0) + body:
            client.send_raw(bytes([byte]))
        client.finish_startup()
        self.assertEqual(client.identify()[0], self.system_identifier)

    def test_a_client_may_vanish_after_any_byte(self):
        body = b"user\0postgres\0replication\0true\0\0"
        packet = struct.pack("!II", 8 + len(body), PROTOCOL_3_0) + body
        packet += b"Q" + struct.pack("!I", 20) + b"IDENTIFY_SYSTEM\0"
        for count in range(0, len(packet), 3):
            client = ReplicationClient(self.port)
            client.send_raw(packet[:count])
            client.close()
        self.assert_serves()

    def test_reported_parameters(self):
        parameters = self.session(application_name="e2e").parameters
        self.assertRegex(parameters["server_version"], r"^15\b")
        self.assertIn("TimeZone", parameters)
        others = {k: v for k, v in parameters.items() if k not in _LOCAL_PARAMETERS}
        self.assertEqual(others, {
            "DateStyle": "ISO, MDY",
            "IntervalStyle": "postgres",
            "application_name": "e2e",
            "client_encoding": "SQL_ASCII",
            "default_transaction_read_only": "off",
            "in_hot_standby": "off",
            "integer_datetimes": "on",
            "is_superuser": "on",
            "server_encoding": "SQL_ASCII",
            "session_authorization": "postgres",
            "standard_conforming_strings": "on",
        })

    def test_sessions_have_pids_of_their_own(self):
        pids = {self.session().backend_pid for _ in range(20)}
        self.assertEqual(len(pids), 20)


class PostgresStartup(StartupTests, PostgresCase):
    SETTINGS = {"max_wal_senders": 40}
    DECLINED = (SSL_REQUEST,)  # Debian's PostgreSQL is built with GSSAPI


class WalcastStartup(StartupTests, WalcastCase):
    DECLINED = (GSSENC_REQUEST, SSL_REQUEST)
