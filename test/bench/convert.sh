#!/usr/bin/env bash
# How long a converter run over a package of 100 classes takes (package.sh), the program's start
# included.     test/bench/convert.sh BUILD
set -u
build=${1:?usage: convert.sh BUILD}
work=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

test/bench/package.sh "$build" "$work" 100 || exit 1
TIMEFORMAT='%R %U %S'
best='999 0'
for _ in 1 2 3 4 5; do
    took=$({ time "$build/bin/mintmark-convert" --classes "$work/cls" --output "$work/many.cap"; } 2>&1) || exit 1
    best=$(awk -v a="$best" -v b="$took" 'BEGIN { split(a, x); split(b, y);
        print y[1] < x[1] ? y[1] " " y[2] + y[3] : a }')
done
echo "| what | s | of it processor |"
echo "|--|--|--|"
echo "| convert a package of 100 classes to $(stat -c %s "$work/many.cap") bytes of CAP file, best of 5 | ${best% *} | ${best#* } |"
