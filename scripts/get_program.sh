#!/usr/bin/env bash
# Unpack a program of Debian's into a directory, for the tests: get_program.sh DIRECTORY PROGRAM PACKAGE...
# Nothing is installed and no service started. Where the program is there already, or no Debian, nothing is done; tests
# that need it are then skipped if it is missing.
set -euo pipefail
target=$1 program=$2
shift 2
mkdir -p "$target"
if PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null; then exit 0; fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "$program was not found: tests that need it are skipped. Install it to have them." >&2
  exit 0
fi
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
cd "$unpacked"
if ! apt-get download "$@" >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then apt-get update >/dev/null; fi
  apt-get download "$@"
fi
for each in ./*.deb; do dpkg -x "$each" "$target"; done
