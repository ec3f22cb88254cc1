#!/usr/bin/env bash
# Is this message from Payerwatch? bash, openssl and coreutils; the body, byte for byte as it came, on standard input.
#
#   WEBHOOK_SECRET=whsec_… ./verify.sh "$webhook_id" "$webhook_timestamp" "$webhook_signature" < body
#
# Ends with 0 if it is, with 1 if it is not: answer 401 then and do nothing else with it. WEBHOOK_NOW may set the clock.
set -euo pipefail
export LC_ALL=C

id=${1:-} sent_at=${2:-} signatures=${3:-}
tolerance=$((5 * 60))
now=${WEBHOOK_NOW:-$(date +%s)}

not_genuine() {
  echo "$1" >&2
  exit 1
}

# The key under HMAC's two pads, written as printf reads bytes: no other process is shown the key.
padded() {
  local pad=$1 out='' place byte
  for ((place = 0; place < 128; place += 2)); do
    byte=${key:place:2}
    printf -v out '%s\\x%02x' "$out" $((0x${byte:-0} ^ pad))
  done
  printf '%b' "$out"
}

sha256() { openssl dgst -sha256 -binary; }

[[ ${WEBHOOK_SECRET:-} == whsec_* ]] || not_genuine "WEBHOOK_SECRET begins with whsec_."
key=$(printf '%s' "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
[[ ${#key} -ge 48 && ${#key} -le 128 ]] || not_genuine "WEBHOOK_SECRET is not whole."

[[ -n $id && $sent_at =~ ^[0-9]{1,12}$ ]] || not_genuine "It is not signed."
age=$((now - 10#$sent_at))
((age <= tolerance && -age <= tolerance)) || not_genuine "It was signed too long ago, or a clock is wrong."

inner() { { padded 0x36; printf '%s.%s.' "$id" "$sent_at"; cat; } | sha256; }
expected="v1,$({ padded 0x5c; inner; } | sha256 | openssl base64 -A)"

# What is compared are digests under a number drawn now, so how long it takes tells nothing of what was expected.
number=$(openssl rand -hex 32)
blinded() { printf '%s%s' "$number" "$1" | sha256 | openssl base64 -A; }
right=$(blinded "$expected")
genuine=no
read -ra given <<< "$signatures" || true
for each in "${given[@]}"; do
  [[ $(blinded "$each") == "$right" ]] && genuine=yes
done
[[ $genuine == yes ]] || not_genuine "The signature does not fit."
