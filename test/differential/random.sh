#!/usr/bin/env bash
# Random sessions of the probe applets on another Java Card and on the chip:
#   MINTMARK_KIT=FOLDER test/differential/random.sh BUILD FIRST_SEED SESSIONS COMMANDS_EACH
# See run.sh for the variables. A difference names the session and the line.
set -u
build=${1:?usage: random.sh BUILD FIRST_SEED SESSIONS COMMANDS_EACH}
here=$(dirname "$0")
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-sessions.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
javac -d "$tmp" "$here/Sessions.java" || exit 1
for ((seed = $2; seed < $2 + $3; seed++)); do
    java -cp "$tmp" Sessions "$seed" "$4" >"$tmp/random$seed.session" || exit 1
done
"$here/run.sh" "$build" "$tmp"/random*.session
