#!/usr/bin/env bash
# The chip against an echo card over the same link code, both in one pcscd, one run:
#     test/system/with-reader.sh test/bench/link.sh BUILD
# Prints the rates and their ratio (the aim: 95 %), once for a command of the security domain, which is
# the card's own path, and once for a command that Java code in an applet answers.
set -u
build=${1:?usage: link.sh BUILD}
home=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-bench.XXXXXX")
trap 'kill "${chip:-}" "${echo_card:-}" 2>/dev/null; wait; rm -rf "$home"' EXIT
if [ "${MM_LINK:-}" != vpcd ]; then
    echo "# link.sh: needs pcscd with vpcd: run it by test/system/with-reader.sh"
    exit 0
fi
export MINTMARK_HOME=$home

"$build/bin/mintmark-chip" init bench >/dev/null || exit 1
"$build/bin/mintmark-chip" run bench 2>"$home/chip.log" &
chip=$!
"$build/bench/echo_card" 35964 2>"$home/echo.log" & # the second slot of vsmartcard's driver
echo_card=$!
readers="Virtual PCD 00 00|Virtual PCD 00 01"
for _ in $(seq 100); do # until pcscd has seen both
    [ "$("$build/bench/bench_link" "${readers%|*}" "${readers#*|}" 80CA004500 2>/dev/null | wc -l)" = 1 ] && break
done

echo -n "security domain, GET DATA: "
"$build/bench/bench_link" "${readers%|*}" "${readers#*|}" 80CA004500 || exit 1
"$build/bin/mintmark-gp" --test-keys -r "${readers%|*}" install "$build/applets/transit.cap" >/dev/null || exit 1
echo -n "transit applet, selection: "
"$build/bench/bench_link" "${readers%|*}" "${readers#*|}" 00A404000BF04D494E544D41524B1101
# The same without the scheduler's share: processor time each card took for what it answered.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
echo "processor time in all: chip $(ticks "$chip") ticks, echo card $(ticks "$echo_card") ticks"
