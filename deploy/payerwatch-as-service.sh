#!/bin/sh
# payerwatch [--build BUILD] [--with NAME]... COMMAND [WORD]...: as /usr/local/bin/payerwatch, a command of the build that
# is used, or of another one that is installed, as the user payerwatch and with the settings of its units.
#   --build BUILD   before the first build is used, and to ask another one
#   --with NAME     settings for this command alone, of /etc/payerwatch/NAME.env: migrator, or backup
# systemd reads the settings, so that they mean what they mean to the server. The command starts in /: name files by their
# whole path, and let payerwatch read them. The record names whoever ran it.
set -eu
refuse() { echo "$1" >&2; exit 2; }
is_name() { case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }

program=/opt/payerwatch/current/bin/payerwatch
files=settings
while [ $# -gt 1 ]; do
  case $1 in
    --build) is_name "$2" || refuse "A build's name is of letters, digits and ._-."
      program=/opt/payerwatch/releases/$2/bin/payerwatch ;;
    --with) is_name "$2" || refuse "Settings are named as their file is, without .env: migrator, or backup."
      files="$files $2" ;;
    *) break ;;
  esac
  shift 2
done
[ $# -gt 0 ] || refuse "payerwatch [--build BUILD] [--with NAME]... COMMAND: payerwatch help lists the commands."
[ -x "$program" ] || refuse "$program is not there. Name a build that is installed: payerwatch --build BUILD $1"
told=
for each in $files; do
  [ -e "/etc/payerwatch/$each.env" ] || refuse "/etc/payerwatch/$each.env is not there: docs/operating.md, First set-up."
  told="$told --property=EnvironmentFile=/etc/payerwatch/$each.env"
done

# systemd would put the values of variables in the place of their names.
for word do
  shift
  set -- "$@" "$(printf '%s\n' "$word" | sed 's/\$/$$/g')"
done
# shellcheck disable=SC2086 # several words, of names that were looked at
exec systemd-run --quiet --collect --wait --pty --pipe --service-type=exec --uid=payerwatch --gid=payerwatch \
  --property=UMask=0077 --setenv=LOGNAME="${SUDO_USER:-$(id -un)}" $told "$program" "$@"
