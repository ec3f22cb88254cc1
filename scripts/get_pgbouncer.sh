#!/usr/bin/env bash
# Unpack Debian's PgBouncer into the directory named, for the tests: nothing is installed and no service started.
# Where there is one already, or no Debian, nothing is done; tests that need it are then skipped if it is missing.
set -euo pipefail
target=$1
mkdir -p "$target"
if command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]; then exit 0; fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "PgBouncer was not found: tests that need it are skipped. Install it to have them." >&2
  exit 0
fi
packages=(pgbouncer libc-ares2 libevent-2.1-7)
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
cd "$unpacked"
if ! apt-get download "${packages[@]}" >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then apt-get update >/dev/null; fi
  apt-get download "${packages[@]}"
fi
for each in ./*.deb; do dpkg -x "$each" "$target"; done
