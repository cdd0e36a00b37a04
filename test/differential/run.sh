#!/usr/bin/env bash
# The same sessions on another Java Card simulator and on the chip; answers must be equal:
#   MINTMARK_OTHER=CLASSPATH test/differential/run.sh BUILD [SESSION...]
# CLASSPATH has a simulator with com.licel.jcardsim.base.Simulator and the jars it needs, which this project
# neither brings nor asks for: `make check` does not run this. Without SESSION, all that are here.
set -u
build=${1:?usage: MINTMARK_OTHER=CLASSPATH run.sh BUILD [SESSION...]}
other=${MINTMARK_OTHER:?the class path of another simulator}
shift
here=$(dirname "$0")
[ "$#" -gt 0 ] || set -- "$here"/*.session
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-differential.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
javac -d "$tmp" "$here/Other.java" || exit 1
status=0

for session in "$@"; do
    name=$(basename "$session" .session)
    if ! java -cp "$tmp:$other:$build/applets/classes/test" Other "$session" "$tmp/$name.apdu" >"$tmp/log" 2>&1; then
        cat "$tmp/log" >&2
        echo "$name: the other simulator did not play it" >&2
        exit 1
    fi
    image=$("$build/bin/mintmark-chip" --home "$tmp/$name" init chip) || exit 1
    while read -r word cap; do
        [ "$word" = cap ] || continue
        [ "${cap:0:1}" = / ] || cap=$build/applets/$cap
        "$build/bin/mintmark-gp" -r "chip:$image" --test-keys install "$cap" >/dev/null || exit 1
    done <"$session"
    if "$build/bin/mintmark-apdu" -r "chip:$image" run "$tmp/$name.apdu"; then
        echo "$name: $(wc -l <"$tmp/$name.apdu") answers agree"
    else
        status=1
    fi
done
exit "$status"
