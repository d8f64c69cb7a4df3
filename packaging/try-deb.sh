#!/bin/sh
# What test-deb.sh does inside of its clean Debian, with /root/walcast.deb and walcast-newer.deb.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH="/usr/lib/postgresql/15/bin:$PATH"

say() { echo "== $*"; }
# What docs/operating.md has an operator do, in its words; what follows does it.
does() { echo "== $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
# Waits half a minute for a command to succeed.
until_true() {
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "$*"
}

# systemctl, or what there is of it without systemd.
pid_file=/run/walcast-test.pid
service() {
  if [ -d /run/systemd/system ]; then
    systemctl "$1" walcast
    return
  fi
  case "$1" in
    start)
      mkdir -p /run/walcast && chown walcast:walcast /run/walcast
      command="$(sed -n 's/^ExecStart=//p' /lib/systemd/system/walcast.service)"
      setpriv --reuid=walcast --regid=walcast --init-groups sh -c "exec $command" \
        >/var/log/walcast-test.log 2>&1 &
      echo $! >"$pid_file"
      ;;
    stop)
      kill "$(cat "$pid_file")"
      while kill -0 "$(cat "$pid_file")" 2>/dev/null; do sleep 0.1; done
      rm "$pid_file"
      ;;
    try-restart) if [ -e "$pid_file" ]; then service stop; service start; fi ;;
  esac
}
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
sql() { as_postgres psql -h /tmp -p "$1" -XAtc "$2"; }
answers() { [ "$(sql "$1" "$2")" = "$3" ]; }

say "a primary"
mkdir /var/tmp/pg && chown postgres: /var/tmp/pg
as_postgres initdb -D /var/tmp/pg/primary -A trust >/dev/null
as_postgres pg_ctl -D /var/tmp/pg/primary -w -l /var/tmp/pg/primary.log -o "-p 5440 -k /tmp" start >/dev/null

cd /root
does "apt install ./walcast.deb"
apt-get update -qq
apt-get install -y -qq --no-install-recommends ./walcast.deb >/dev/null
dpkg -s walcast | grep -q '^Status: install ok installed' || fail "walcast is not installed"
id walcast >/dev/null || fail "there is no user walcast"
[ "$(stat -c '%U:%G %a' /etc/walcast/walcast.conf)" = "root:walcast 640" ] || fail "walcast.conf's mode"
[ "$(stat -c '%U:%G %a' /var/lib/walcast)" = "walcast:walcast 700" ] || fail "/var/lib/walcast's mode"
[ -e /usr/share/man/man1/walcast.1.gz ] && [ -e /usr/share/man/man5/walcast.conf.5.gz ] || fail "no man pages"
walcast --version

say "edit one line"
sed -i "s|^#primary_conninfo = .*|primary_conninfo = 'host=/tmp port=5440 user=postgres'|" /etc/walcast/walcast.conf
setpriv --reuid=walcast --regid=walcast --init-groups \
  walcast serve --config /etc/walcast/walcast.conf --check || fail "walcast.conf's check"

does "systemctl start walcast"
service start
until_true pg_isready -q -h 127.0.0.1 -p 5433 -d postgres
as_postgres pg_basebackup -h /tmp -p 5440 -D /var/tmp/pg/standby -c fast
as_postgres touch /var/tmp/pg/standby/standby.signal
as_postgres sh -c "echo \"primary_conninfo = 'host=127.0.0.1 port=5433 user=postgres'\" >> /var/tmp/pg/standby/postgresql.auto.conf"
as_postgres sh -c "echo \"primary_slot_name = 'kept'\" >> /var/tmp/pg/standby/postgresql.auto.conf"
as_postgres psql -XAtq 'host=127.0.0.1 port=5433 replication=true' -c 'CREATE_REPLICATION_SLOT kept PHYSICAL' >/dev/null
as_postgres pg_ctl -D /var/tmp/pg/standby -w -l /var/tmp/pg/standby.log -o "-p 5441 -k /tmp" start >/dev/null
sql 5440 "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i" >/dev/null
until_true answers 5441 "SELECT count(*) FROM t" 1000

say "an upgrade keeps slots and the configuration"
does "apt install ./walcast-newer.deb"
before="$(md5sum /etc/walcast/walcast.conf)"
apt-get install -y -qq ./walcast-newer.deb >/dev/null
[ -d /run/systemd/system ] || service try-restart
[ "$(md5sum /etc/walcast/walcast.conf)" = "$before" ] || fail "walcast.conf has changed"
until_true pg_isready -q -h 127.0.0.1 -p 5433 -d postgres
as_postgres psql -XAtq 'host=127.0.0.1 port=5433 replication=true' -c 'READ_REPLICATION_SLOT kept' |
  grep -q physical || fail "the slot is gone"
sql 5440 "INSERT INTO t VALUES (1001)" >/dev/null
until_true answers 5441 "SELECT count(*) FROM t" 1001

say "a purge leaves the spool, and says so"
as_postgres pg_ctl -D /var/tmp/pg/standby -m fast stop >/dev/null
service stop
does "apt purge walcast"
said="$(apt-get purge -y -qq walcast 2>&1)"
echo "$said" | grep -q '/var/lib/walcast are left' || fail "purge says nothing of the spool: $said"
[ -e /var/lib/walcast/spool/walcast.spool ] || fail "the spool is gone"
for left in /etc/walcast /usr/bin/walcast /lib/systemd/system/walcast.service /run/walcast/.s.PGSQL.5433; do
  [ ! -e "$left" ] || fail "$left is left"
done
rm -r /var/lib/walcast
say "a purge without a spool leaves nothing"
dpkg -i /root/walcast.deb >/dev/null
apt-get purge -y -qq walcast >/dev/null 2>&1
[ ! -e /var/lib/walcast ] || fail "/var/lib/walcast is left"
! id walcast >/dev/null 2>&1 || fail "the user is left"

as_postgres pg_ctl -D /var/tmp/pg/primary -m fast stop >/dev/null
say "all is well"
