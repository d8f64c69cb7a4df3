#!/bin/sh
# Tries the Debian packages in a clean Debian 12, as an operator would: installs walcast, names a
# primary, starts it, has a standby stream, upgrades, removes and purges it.
#   packaging/test-deb.sh [DIRECTORY]     the packages of build-deb.sh; build/deb if none is given
# Needs root and a mirror of Debian (MIRROR=http://...). Where systemd-nspawn can boot the new Debian, its
# systemd runs the unit; elsewhere the unit's command is run as its user, without its hardening.
set -eu

cd "$(dirname "$0")/.."
. scripts/packages.sh
[ "$(id -u)" -eq 0 ] || { echo "packaging/test-deb.sh: must be run by root" >&2; exit 1; }
packages="${1:-build/deb}"
package="$(ls -t "$packages"/walcast_*.deb | head -n 1)"
need_packages debootstrap

root="$(mktemp -d)"
finish() {
  status=$?
  umount "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$root"
  exit $status
}
trap finish EXIT

echo "== a clean Debian 12 in $root"
debootstrap --variant=minbase --include=systemd,systemd-sysv,postgresql-15,adduser \
  bookworm "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$root.log" 2>&1 ||
  { tail "$root.log"; exit 1; }
rm -f "$root.log"
cp "$package" "$root/root/walcast.deb"
cp packaging/try-deb.sh "$root/root/try-deb.sh"
# The same as a newer version, to upgrade to.
dpkg-deb -R "$package" "$root/root/newer"
sed -i 's/^Version: .*/&+newer/' "$root/root/newer/DEBIAN/control"
dpkg-deb --root-owner-group -b "$root/root/newer" "$root/root/walcast-newer.deb" >/dev/null
rm -rf "$root/root/newer"

if command -v systemd-nspawn >/dev/null && [ -d /run/systemd/system ]; then
  cat >"$root/etc/systemd/system/try-deb.service" <<UNIT
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh /root/try-deb.sh >/root/try.log 2>&1; echo \$? >/root/try.status'
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
UNIT
  ln -s ../try-deb.service "$root/etc/systemd/system/multi-user.target.wants/try-deb.service" 2>/dev/null ||
    { mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
      ln -s ../try-deb.service "$root/etc/systemd/system/multi-user.target.wants/"; }
  systemd-nspawn --quiet --boot --directory="$root" >/dev/null 2>&1 || true
  cat "$root/root/try.log"
  exit "$(cat "$root/root/try.status")"
fi
mount -t proc proc "$root/proc"
chroot "$root" sh /root/try-deb.sh
