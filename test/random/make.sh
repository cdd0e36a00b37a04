#!/usr/bin/env bash
# Packages of random programs with their CAP files:
#   test/random/make.sh BUILD OUT FIRST_SEED PACKAGES PROGRAMS_EACH
set -u
build=${1:?usage: make.sh BUILD OUT FIRST_SEED PACKAGES PROGRAMS_EACH}
out=${2:?folder}
cd "$(dirname "$0")/../.." || exit 1

java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 test/random/Programs.java "$build/api/classes" "$out" \
    "${3:?seed}" "${4:?packages}" "${5:?programs}" || exit 1
for ((k = 0; k < $4; k++)); do
    int=()
    [ $((k % 2)) -eq 1 ] && int=(--int)
    "$build/bin/mintmark-convert" "${int[@]}" --package rnd --aid F00102030405 \
        --applet Runner=F0010203040501 --classes "$out/$k" --exports "$build/api/exports" \
        --output "$out/$k.cap" || exit 1
done
