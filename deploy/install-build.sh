#!/bin/sh
# install-build.sh BUILD [DIRECTORY] < source.tar.gz: a build beside the one that runs, in DIRECTORY/releases/BUILD, where
# DIRECTORY is /opt/payerwatch unless it is said. One that is there stays as it is, whatever comes in.
# Its command comes last: without it there is none, and what an earlier try has left is made anew. With LOCK=otel in the
# environment it can send spans to a collector.
set -eu
build=${1:?which build}
case $build in
  [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) echo "A build's name is of letters, digits and ._-." >&2; exit 2 ;;
esac
place=${2:-/opt/payerwatch}/releases/$build
if [ -x "$place/bin/payerwatch" ]; then
  [ -t 0 ] || cat >/dev/null  # else what packs the source fails as nobody reads it, and the whole line with it
  echo "$build is installed already; nothing was done."
  exit 0
fi
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
tar --extract --gzip --directory "$source" --file -
rm -rf "$place"
"${PYTHON:-python3}" -m venv "$place"
"$place/bin/pip" install --quiet --no-cache-dir --require-hashes -r "$source/requirements/${LOCK:-base}.lock"
"$place/bin/pip" install --quiet --no-cache-dir --no-deps --no-build-isolation "$source"
echo "$build is installed."
