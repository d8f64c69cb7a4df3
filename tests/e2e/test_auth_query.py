"""Roles that walcast fetches from its primary: made, changed and dropped there, and no file."""

import concurrent.futures
import os
import re
import signal
import socket
import stat
import struct
import time

from support.auth_query import DOWN, UP, AuthQueryCase, refused
from support.cluster import pg_program
from support.lsn import parse_lsn
from support.wait import wait_until
from support.walcast import Walcast, binary, option_list


class AuthQueryTest(AuthQueryCase):
    """The primary answers."""

    def test_a_role_works_as_soon_as_it_is_made_and_not_when_it_is_dropped(self):
        self.serve(auth_cache_time="2s")
        self.make("ann")
        self.assert_in("ann")
        self.assertEqual(self.log_in("ann", "two"), refused("ann"))
        self.assertEqual(self.log_in("nobody"), refused("nobody"))
        self.primary.sql("DROP ROLE ann")
        begin = time.monotonic()
        wait_until(lambda: self.log_in("ann") == refused("ann"), "the end of a dropped role")
        self.figure(f"a dropped role was refused after {time.monotonic() - begin:.1f} s")
        self.walcast.wait_for_log('failed for user "ann": Role "ann" does not exist')

    def test_a_changed_password_works_at_the_next_attempt_and_the_old_one_ends(self):
        self.serve(auth_cache_time="10min")
        self.make("ann")
        self.assert_in("ann")
        self.wait_a_second()
        self.primary.sql("ALTER ROLE ann PASSWORD 'two'")
        # The salt that this attempt is shown is the old password's.
        self.assertEqual(self.log_in("ann", "two"), refused("ann"))
        self.assert_in("ann", "two")
        self.assertEqual(self.log_in("ann", "one"), refused("ann"))

    def test_an_old_password_ends_within_the_cache_time(self):
        self.serve(auth_cache_time="2s")
        self.make("ann")
        self.assert_in("ann")
        self.primary.sql("ALTER ROLE ann PASSWORD 'two'")
        begin = time.monotonic()
        wait_until(lambda: self.log_in("ann", "one") == refused("ann"), "the old password's end")
        self.assertLess(time.monotonic() - begin, 2 + 1)  # and a login
        self.assert_in("ann", "two")

    def test_without_a_cache_time_the_first_attempt_counts(self):
        self.serve(auth_cache_time=0)
        self.make("ann")
        self.assert_in("ann")
        self.primary.sql("ALTER ROLE ann PASSWORD 'two'")
        self.assert_in("ann", "two")
        self.primary.sql("ALTER ROLE ann NOLOGIN")
        self.assertEqual(self.log_in("ann", "two"), 'FATAL:  role "ann" is not permitted to log in')

    def test_attributes_of_roles_are_those_of_the_primary(self):
        self.serve(auth_cache_time="10min")
        self.make("ann", attributes="LOGIN")
        no_walsender = "FATAL:  must be superuser or replication role to start walsender"
        self.assertEqual(self.log_in("ann"), no_walsender)
        self.wait_a_second()
        # What a cached role is refused for is looked at again, before the client is told.
        self.primary.sql("ALTER ROLE ann REPLICATION")
        self.assert_in("ann")
        self.wait_a_second()
        self.primary.sql("ALTER ROLE ann VALID UNTIL '2001-01-01'")
        self.assertEqual(self.log_in("ann", "wrong"), refused("ann"))
        self.assertEqual(self.log_in("ann"), refused("ann"))
        self.walcast.wait_for_log('User "ann" has an expired password')
        for until in ("infinity", "2101-01-01"):
            self.wait_a_second()
            self.primary.sql(f"ALTER ROLE ann VALID UNTIL '{until}'")
            self.log_in("ann")
            self.assert_in("ann")
        self.wait_a_second()
        self.primary.sql("ALTER ROLE ann VALID UNTIL '-infinity'")
        self.log_in("ann", "wrong")
        self.assertEqual(self.log_in("ann"), refused("ann"))
        self.primary.sql("ALTER ROLE ann VALID UNTIL 'infinity' NOLOGIN")
        self.wait_a_second()
        self.log_in("ann", "wrong")
        self.assertEqual(self.log_in("ann"), 'FATAL:  role "ann" is not permitted to log in')

    def test_a_role_is_in_the_groups_of_its_groups(self):
        self.serve(auth_cache_time="10min")
        self.primary.sql("CREATE ROLE staff")
        self.primary.sql("CREATE ROLE clerk REPLICATION LOGIN PASSWORD 'one'")
        self.primary.sql("CREATE ROLE bob")
        rejected = 'FATAL:  pg_hba.conf rejects replication connection for host "127.0.0.1", ' \
                   'user "clerk", no encryption'
        self.assertEqual(self.log_in("clerk"), rejected)
        self.primary.sql("GRANT staff TO bob")
        self.primary.sql("GRANT bob TO clerk")
        self.wait_a_second()
        self.area.write_file(self.rules, "host replication +staff 127.0.0.1/32 scram-sha-256\n")
        seen = self.walcast.process.count_in_log("received SIGHUP")
        self.walcast.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.walcast.process.count_in_log("received SIGHUP") > seen, "a reload")
        wait_until(lambda: self.log_in("clerk") == "in", "the clerk is one of the staff")
        self.primary.sql("REVOKE bob FROM clerk")
        self.wait_a_second()
        self.log_in("clerk", "wrong")
        self.assertIn("no pg_hba.conf entry", self.log_in("clerk"))
        self.assertEqual(self.walcast.process.count_in_log("a group takes no role"), 0)

    def test_a_role_that_is_trusted_is_one_of_the_primary(self):
        self.serve()
        self.assertEqual(self.log_in("trusty", ""), 'FATAL:  role "trusty" does not exist')
        self.wait_a_second()
        self.make("trusty")
        self.assertEqual(self.log_in("trusty", ""), "in")

    def test_a_stock_standby_logs_in_by_scram(self):
        self.serve()
        self.make("ann")
        standby = self.base.cold_copy(f"standby-{self.id()}", primary_conninfo=(
            f"host=127.0.0.1 port={self.walcast.port} user=ann password=one"
            " channel_binding=disable"))
        self.addCleanup(lambda: standby.process and standby.kill())
        standby.start()
        self.primary.sql("CREATE TABLE fetched AS SELECT 1 AS id")
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.assertEqual(standby.sql("SELECT * FROM fetched"), "1")
        self.primary.sql("DROP TABLE fetched")

    def test_a_function_answers_for_one_who_is_no_superuser(self):
        self.make("asker", attributes="LOGIN")
        self.make("ann")
        self.primary.sql(
            "CREATE OR REPLACE FUNCTION public.walcast_role(name text) RETURNS TABLE (rolname text,"
            " rolpassword text, rolreplication bool) LANGUAGE sql SECURITY DEFINER SET search_path ="
            " pg_catalog, pg_temp AS $$SELECT rolname::text, rolpassword, rolreplication FROM pg_authid"
            " WHERE rolname = name AND NOT rolsuper$$")
        self.addCleanup(lambda: self.primary.sql("DROP FUNCTION public.walcast_role"))
        self.serve(auth_user="asker", auth_query="SELECT * FROM public.walcast_role($1)")
        self.assert_in("ann")
        self.assertEqual(self.log_in("boss"), refused("boss"))
        self.walcast.stop()
        # Without it, the primary refuses.
        self.serve(auth_user="asker", state_directory=self.area.directory(f"s-{self.id()}"))
        self.assertEqual(self.log_in("ann"), refused("ann"))
        self.walcast.wait_for_log(f"{DOWN}: permission denied for table pg_authid")

    def test_an_operator_of_another_schema_is_not_run_by_the_user_that_asks(self):
        self.make("ann", attributes="LOGIN REPLICATION VALID UNTIL '2101-01-01'")
        self.primary.sql("CREATE FUNCTION public.trap(float8, int) RETURNS float8 LANGUAGE plpgsql"
                         " AS $$BEGIN RAISE 'trapped as %', current_user; END$$")
        self.addCleanup(lambda: self.primary.sql("DROP FUNCTION public.trap CASCADE"))
        self.primary.sql("CREATE OPERATOR public.* (FUNCTION = public.trap, LEFTARG = float8,"
                         " RIGHTARG = int)")
        self.serve()
        self.assert_in("ann")
        self.assertEqual(self.primary.process.count_in_log("trapped as"), 0)

    def test_the_auth_file_comes_first(self):
        users = self.area.path(f"users-{self.id()}")
        self.area.write_file(users, '"ann" "" nologin\n')
        self.serve(auth_file=users)
        for role in ("ann", "bob"):
            self.make(role)
        self.assertEqual(self.log_in("ann"), refused("ann"))
        self.assert_in("bob")

    def test_odd_names_are_asked_for_as_they_are(self):
        self.serve()
        self.count_questions()
        for name in ("x'; DROP ROLE boss; --", 'a"b', "ANN", "\\N", "$1", "%s"):
            with self.subTest(name=name):
                client_name = name.replace("\\", "\\\\").replace("'", "\\'")
                self.assertEqual(self.log_in(f"'{client_name}'"), refused(name))
        self.assertGreaterEqual(self.questions(), 6)
        # Bytes that are no text of the database's encoding are no role's name, and no failure.
        body = b"\0\3\0\0user\0\xff\xfe\0replication\0true\0\0"
        with socket.create_connection(("127.0.0.1", self.walcast.port)) as client:
            client.sendall(struct.pack("!I", 4 + len(body)) + body)
            self.assertEqual(client.recv(1), b"R")
        wait_until(lambda: self.primary.process.count_in_log("invalid byte sequence"), "a question")
        self.make("ann")
        self.assert_in("ann")
        self.assertEqual(self.walcast.process.count_in_log(DOWN), 0)

    def test_a_thousand_unknown_names_are_not_a_thousand_questions(self):
        self.serve()
        self.make("ann")
        self.assert_in("ann")
        self.count_questions()
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            said = list(pool.map(self.knock, range(1000)))
            names = 1000
            # The log is told of few refusals in any ten seconds, whatever their reasons.
            while not self.walcast.process.count_in_log("Too many unknown roles were asked for"):
                said += pool.map(self.knock, range(names, names + 32))
                names += 32
                self.assertLess(names, 10_000, "no name was refused without a question")
        seconds = time.monotonic() - begin
        self.assertEqual(set(said), {"password authentication failed"})
        self.figure(f"{names:,} unknown names in {seconds:.1f} s: {self.questions()} questions")
        self.assertLess(self.questions(), 20 + 5 * (seconds + 2))
        self.assert_in("ann")

    def knock(self, number):
        """A client that has a name and no password."""
        done = self.area.run(
            [pg_program("psql"), "-XAtw", f"host=127.0.0.1 port={self.walcast.port}"
             f" user=stranger{number} replication=true"],
            check=False, variables={"PGPASSWORD": "x"})
        found = re.search("password authentication failed", done.stderr)
        return found[0] if found else done.stderr

    def test_a_reload_changes_how_the_primary_is_asked(self):
        self.make("ann")
        config = self.area.path(f"conf-{self.id()}")
        self.area.write_file(config, "auth_user = 'nobody'\n")
        options = self.options(config=config)
        del options["auth_user"]
        self.walcast = Walcast(self.area, **options)
        self.addCleanup(self.walcast.stop)
        self.assertEqual(self.log_in("ann"), refused("ann"))
        self.walcast.wait_for_log(f'{DOWN}: .*role "nobody" does not exist')
        self.area.write_file(config, "auth_user = 'boss'\n")
        self.walcast.process.send_signal(signal.SIGHUP)
        self.walcast.wait_for_log('parameter "auth_user" changed to "boss"')
        wait_until(lambda: self.log_in("ann") == "in", "the new user is asked as")
        self.count_questions()
        self.area.write_file(config, "")
        self.walcast.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log_in("ann") != "in", "nobody is asked for roles")
        seen = self.questions()
        self.assertNotEqual(self.log_in("bob"), "in")
        self.assertEqual(self.questions(), seen)

    def test_a_check_tries_the_query(self):
        def check(**options):
            done = self.area.run([binary(self.area, "walcast"), "serve", "--check", *option_list(
                {"port": 0, **self.options(**options)})], check=False)
            return done.returncode, done.stdout
        status, said = check()
        self.assertEqual(status, 0, said)
        self.assertIn(f"OK: the primary (host=127.0.0.1 port={self.primary.port}) answers questions"
                      ' for roles; "boss" is one', said)
        status, said = check(auth_query="SELECT nonsense")
        self.assertEqual(status, 1, said)
        self.assertIn("ERROR: could not ask the primary for roles: ", said)


class SilentPrimaryTest(AuthQueryCase):
    """The primary does not answer: what is known goes on."""

    def test_known_roles_go_on_while_the_primary_is_down(self):
        self.serve(auth_cache_time="1s")
        self.make("ann")
        self.make("bob")
        self.assert_in("ann")
        self.primary.stop()
        self.walcast.wait_for_log(DOWN)
        for _ in range(3):
            self.assert_in("ann")
        self.assertEqual(self.log_in("ann", "wrong"), refused("ann"))
        self.assertEqual(self.log_in("bob"), refused("bob"))
        self.walcast.wait_for_log('failed for user "bob": Role "bob" does not exist.'
                                  ' The primary could not be asked for the role.')
        self.primary.start()
        self.walcast.wait_for_log(UP)
        self.assert_in("bob")
        self.assertEqual(self.walcast.process.count_in_log(DOWN), 1)
        self.assertEqual(self.walcast.process.count_in_log(UP), 1)

    def test_a_restart_knows_the_roles_while_the_primary_is_down(self):
        state = self.area.directory(f"state-{self.id()}")
        self.serve(state_directory=state)
        self.make("ann")
        self.assert_in("ann")
        self.walcast.stop()
        cache = os.path.join(state, "auth_cache")
        self.assertEqual(stat.S_IMODE(os.stat(cache).st_mode), 0o600)
        self.primary.stop()
        self.walcast = Walcast(self.area, wal_directory=self.base.wal_path,
                               hba_file=self.rules, auth_user="boss", state_directory=state,
                               auth_conninfo=self.primary.conninfo())
        self.addCleanup(self.walcast.stop)
        # These roles are of another place: auth_conninfo was not given before.
        self.assertEqual(self.log_in("ann"), refused("ann"))
        self.primary.start()
        wait_until(lambda: self.log_in("ann") == "in", "a directory's clients are the primary's")
        self.primary.stop()
        for status in (0, -signal.SIGKILL):
            options = {"wal_directory": self.base.wal_path, "hba_file": self.rules,
                       "auth_user": "boss", "state_directory": state,
                       "auth_conninfo": self.primary.conninfo()}
            ended = self.walcast.process.stop(signal.SIGKILL if status else signal.SIGTERM)
            self.assertEqual(ended, status)
            self.walcast = Walcast(self.area, **options)
            self.addCleanup(self.walcast.process.kill)
            self.assert_in("ann")
            self.assertEqual(self.log_in("ann", "wrong"), refused("ann"))

    def test_a_primary_that_hangs_holds_up_no_role_that_is_known(self):
        self.serve(auth_cache_time="20s")
        self.make("ann")
        self.assert_in("ann")
        self.primary.process.send_signal(signal.SIGSTOP)
        self.addCleanup(lambda: self.primary.process
                        and self.primary.process.send_signal(signal.SIGCONT))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            unknown = [pool.submit(self.log_in, f"x{i}") for i in range(6)]
            begin = time.monotonic()
            logins = 0
            while not all(other.done() for other in unknown):
                before = time.monotonic()
                self.assert_in("ann")
                self.assertLess(time.monotonic() - before, 2.5)
                logins += 1
            took = time.monotonic() - begin
            self.figure(f"{logins} logins of a known role while 6 unknown waited {took:.1f} s")
            self.assertEqual({other.result() for other in unknown},
                             {refused(f"x{i}") for i in range(6)})
        self.assertLess(took, 5 + 5)
        self.walcast.wait_for_log(f"{DOWN}: .*timeout expired")
        self.primary.process.send_signal(signal.SIGCONT)
        self.walcast.wait_for_log(UP)

    def test_a_stop_does_not_wait_for_a_primary_that_hangs(self):
        self.serve()
        self.make("ann")
        self.assert_in("ann")
        self.primary.process.send_signal(signal.SIGSTOP)
        self.addCleanup(lambda: self.primary.process
                        and self.primary.process.send_signal(signal.SIGCONT))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.log_in, "x")
            wait_until(lambda: self.walcast.process.alive() and not waiting.done(), "a login waits")
            begin = time.monotonic()
            self.walcast.stop()
            self.assertLess(time.monotonic() - begin, 4)
            self.assertNotEqual(waiting.result(), "in")
        self.primary.process.send_signal(signal.SIGCONT)
