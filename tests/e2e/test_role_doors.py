"""Roles of the primary where more than a password is asked for, and where the server that is asked
is not the primary."""

from support.auth_query import DOWN, AuthQueryCase, refused
from support.certificates import Authority
from support.cluster import PgCluster
from support.walcast import Walcast, binary, option_list

_RULES = """
hostssl replication +staff  127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl replication machine 127.0.0.1/32 cert          map=machines
hostssl replication all     127.0.0.1/32 scram-sha-256 clientcert=verify-ca
"""
_MAPS = "machines robot +machinery\n"


class CertifiedRolesTest(AuthQueryCase):
    """A role of the primary, and a certificate that has to name it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        authority = Authority(cls.area, "authority")
        certificate, key = authority.issue("server", "/CN=localhost", "localhost")
        cls.tls = {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key,
                   "ssl_ca_file": authority.certificate}
        cls.certificates = {name: authority.issue(name, f"/CN={name}")
                            for name in ("ann", "bob", "robot")}

    def setUp(self):
        super().setUp()
        self.primary.sql("DROP ROLE IF EXISTS machine, machinery")
        self.maps = self.area.path(f"ident-{self.id()}")
        self.area.write_file(self.rules, _RULES)
        self.area.write_file(self.maps, _MAPS)
        self.serve(ident_file=self.maps, auth_cache_time="10min", **self.tls)

    def come(self, user, certificate, password="one"):
        """What becomes of a client with this certificate, which binds its channel."""
        options = "sslmode=require sslcert=/nowhere"
        if certificate:
            paths = self.certificates[certificate]
            options = f"sslmode=require sslcert={paths[0]} sslkey={paths[1]}"
            options += " channel_binding=require" if password else ""
        return self.log_in(user, password, options=options)

    def test_both_are_wanted_of_a_role_that_is_just_made(self):
        self.primary.sql("CREATE ROLE staff")
        self.assertEqual(self.come("ann", "ann"), refused("ann"))
        self.wait_a_second()
        self.make("ann", attributes="LOGIN REPLICATION IN ROLE staff")
        # Known as a stranger's a moment ago, the name is asked for again by a wrong proof.
        self.assertEqual(self.come("ann", "ann", "wrong"), refused("ann"))
        self.assertEqual(self.come("ann", "bob"), refused("ann"))
        self.assertEqual(self.come("ann", None),
                         "FATAL:  connection requires a valid client certificate")
        self.assertEqual(self.come("ann", "ann"), "in")
        self.walcast.wait_for_log("CN mismatch")

    def test_a_certificate_alone_is_enough_where_the_rule_says_so(self):
        self.make("bob")
        self.assertEqual(self.come("bob", "ann"), "in")  # verify-ca
        self.primary.sql("CREATE ROLE staff")
        self.primary.sql("CREATE ROLE machinery")
        self.primary.sql("CREATE ROLE machine LOGIN REPLICATION")
        mismatch = 'FATAL:  certificate authentication failed for user "machine"'
        self.assertEqual(self.come("machine", "robot", None), mismatch)
        self.wait_a_second()
        self.primary.sql("GRANT machinery TO machine")
        self.assertEqual(self.come("machine", "robot", None), "in")
        self.assertEqual(self.come("machine", "ann", None), mismatch)

    def test_a_changed_password_and_a_dropped_role_count_under_a_certificate_too(self):
        self.primary.sql("CREATE ROLE staff")
        self.make("ann", attributes="LOGIN REPLICATION IN ROLE staff")
        self.assertEqual(self.come("ann", "ann"), "in")
        self.wait_a_second()
        self.primary.sql("ALTER ROLE ann PASSWORD 'two'")
        self.assertEqual(self.come("ann", "ann", "two"), refused("ann"))
        self.assertEqual(self.come("ann", "ann", "two"), "in")
        self.wait_a_second()
        self.primary.sql("DROP ROLE ann")
        self.assertEqual(self.come("ann", "ann", "wrong"), refused("ann"))
        self.assertEqual(self.come("ann", "ann", "two"), refused("ann"))


class ForeignRolesTest(AuthQueryCase):
    """A server that answers, and is of another cluster: a host that was mistyped."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.foreign = PgCluster.create(cls.area, "foreign").start()
        cls.foreign.sql("CREATE ROLE boss LOGIN SUPERUSER")
        cls.foreign.sql("CREATE ROLE eve LOGIN REPLICATION PASSWORD 'one'")

    def setUp(self):
        super().setUp()
        self.differs = ("database system identifier differs between the primary and standby: that of"
                        f" host=127.0.0.1 port={self.foreign.port} is"
                        f" {self.foreign.system_identifier()}, the standby's identifier is"
                        f" {self.primary.system_identifier()}")

    def test_its_roles_are_not_taken_and_the_next_host_is_asked(self):
        self.make("ann")
        self.serve(auth_conninfo=self.foreign.conninfo())
        self.assertEqual(self.log_in("eve"), refused("eve"))
        self.walcast.wait_for_log(f"{DOWN}: {self.differs}")
        self.walcast.stop()
        self.assert_check_fails()
        self.serve(auth_conninfo="host=127.0.0.1,127.0.0.1"
                                 f" port={self.foreign.port},{self.primary.port}")
        self.assert_in("ann")
        self.assertEqual(self.log_in("eve"), refused("eve"))
        self.assertEqual(self.walcast.process.count_in_log(DOWN), 0)

    def test_a_directory_has_the_roles_of_its_cluster_and_synthetic_wal_those_of_any(self):
        self.make("ann")
        for conninfo, said in ((self.foreign.conninfo(), refused("ann")),
                               (self.primary.conninfo(), "in")):
            self.walcast = Walcast(self.area, wal_directory=self.base.wal_path, auth_user="boss",
                                   hba_file=self.rules, auth_conninfo=conninfo)
            self.assertEqual(self.log_in("ann"), said)
            self.walcast.stop()
        self.walcast = Walcast(self.area, synthetic="1MB/s", spool_directory=self.spool.path,
                               hba_file=self.rules, auth_user="boss",
                               auth_conninfo=self.foreign.conninfo())
        self.assert_in("eve")
        self.walcast.stop()

    def assert_check_fails(self):
        options = self.options(auth_conninfo=self.foreign.conninfo())
        done = self.area.run([binary(self.area, "walcast"), "serve", "--check",
                              *option_list({"port": 0, **options})], check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"ERROR: could not ask the primary for roles: {self.differs}", done.stdout)
