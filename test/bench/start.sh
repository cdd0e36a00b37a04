#!/usr/bin/env bash
# An image with ten packages, an instance of each, for bench_start.    test/bench/start.sh BUILD FOLDER
set -eu
build=$1 home=$2
image="$home/chip/ten.nvm"
"$build/bin/mintmark-chip" --home "$home" init ten >/dev/null
for n in 0 1 2 3 4 5 6 7 8 9; do
    aid="F04D494E544D41524B4$n"
    "$build/bin/mintmark-convert" --package org.mintmark.bench --aid "$aid" --package-version 1.0 \
        --applet "org.mintmark.bench.Bench=${aid}01" --classes "$build/applets/classes/bench" \
        --exports "$build/api/exports" --output "$home/ten-$n.cap" >/dev/null
    "$build/bin/mintmark-gp" --reader "chip:$image" --test-keys install "$home/ten-$n.cap" >/dev/null
done
"$build/bench/bench_start" "$image" F04D494E544D41524B4901
