#!/usr/bin/env bash
# The same sessions on another Java Card and on the chip; answers must be equal:
#   MINTMARK_OTHER=CLASSPATH test/differential/run.sh BUILD [SESSION...]
#   MINTMARK_KIT=FOLDER test/differential/run.sh BUILD [SESSION...]
# CLASSPATH has a simulator with com.licel.jcardsim.base.Simulator and the jars it needs; FOLDER is a development kit
# 2.2.2 with cref, the vendor's reference card, which gets the applets as CAP files made with the kit's export files.
# MINTMARK_CREF starts it where FOLDER/bin/cref alone does not, as "qemu-i386 FOLDER/bin/cref". This project neither
# brings nor asks for either of them: `make check` does not run this. Without SESSION, all that the other can play.
# probe_open.session differs by intention: docs/compatibility.md.
set -u
build=${1:?usage: MINTMARK_OTHER=CLASSPATH or MINTMARK_KIT=FOLDER run.sh BUILD [SESSION...]}
shift
kit=${MINTMARK_KIT:-}
if [ -n "$kit" ]; then
    exports=$kit/api_export_files
else
    other=${MINTMARK_OTHER:?the class path of another simulator, or MINTMARK_KIT}
    exports=$build/api/exports
fi
here=$(dirname "$0")
if [ "$#" -eq 0 ]; then
    if [ -n "$kit" ]; then
        set -- "$here"/constructs.session "$here"/ints.session "$here"/probe_*.session
    else
        set -- "$here"/[!p]*.session # the probe ones need channels, resets and a firewall
    fi
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-differential.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
classes=$build/applets/classes/test
mkdir -p "$tmp/driver" "$tmp/probe" "$tmp/caps/test_exports"
javac -d "$tmp/driver" "$here/Other.java" "$here/Cref.java" &&
    javac --release 8 -g -nowarn -Xlint:-options -cp "$build/api/classes" -d "$tmp/probe" \
        "$here"/src/org/mintmark/*/*.java || exit 1

# convert CAP PACKAGE AID [OPTION...]: as the build does, with the exports of the card it is for
convert() {
    local cap=$1 package=$2 aid=$3
    shift 3
    "$build/bin/mintmark-convert" --package "org.mintmark.$package" --aid "$aid" --classes "$classes" \
        --classes "$tmp/probe" --exports "$exports" --exports "$tmp/caps/test_exports" \
        --output "$tmp/caps/$cap" "$@" || exit 1
}
convert test_exports/org/mintmark/library/javacard/library.cap library F04D494E544D41524B20 --package-version 1.2
convert test_constructs.cap constructs F04D494E544D41524B21 --applet Constructs=F04D494E544D41524B2101
convert test_ints.cap ints F04D494E544D41524B22 --applet Ints=F04D494E544D41524B2201 --int
convert test_exports/org/mintmark/probelib/javacard/probelib.cap probelib F050524F424500C0
convert probepeer.cap probepeer F050524F424500C1 --applet PeerApplet=F050524F424500C101
convert probe.cap probe F050524F424500C2 --applet Probe=F050524F424500C201
[ -n "$kit" ] || cp "$build/applets/test_exceptions.cap" "$tmp/caps/"

# ask SESSION SCRIPT: what the other answers
ask() {
    if [ -n "$kit" ]; then
        rm -f "$tmp/caps/cref.eeprom"
        java -cp "$tmp/driver:$kit/lib/apduio.jar" Cref "${MINTMARK_CREF:-$kit/bin/cref}" "$tmp/caps" "$1" "$2"
    else
        java -cp "$tmp/driver:$other:$classes:$tmp/probe" Other "$1" "$2"
    fi
}

status=0
for session in "$@"; do
    name=$(basename "$session" .session)
    if ! ask "$session" "$tmp/$name.apdu" >"$tmp/log" 2>&1; then
        cat "$tmp/log" >&2
        echo "$name: the other card did not play it" >&2
        exit 1
    fi
    image=$("$build/bin/mintmark-chip" --home "$tmp/$name" init chip) || exit 1
    while read -r word cap; do
        [ "$word" = cap ] || continue
        [ "${cap:0:1}" = / ] || cap=$tmp/caps/$cap
        "$build/bin/mintmark-gp" -r "chip:$image" --test-keys install "$cap" >/dev/null || exit 1
    done <"$session"
    if "$build/bin/mintmark-apdu" -r "chip:$image" run "$tmp/$name.apdu"; then
        echo "$name: $(grep -c '=>' "$tmp/$name.apdu") answers agree"
    else
        status=1
    fi
done
exit "$status"
