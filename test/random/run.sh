#!/usr/bin/env bash
# Random programs, on the Java virtual machine and on the chip:
#   test/random/run.sh BUILD FIRST_SEED PROGRAMS
# Makes batches of packages, converts them, runs them and compares. The first difference ends it.
set -u
build=${1:?usage: run.sh BUILD FIRST_SEED PROGRAMS}
seed=${2:?first seed}
want=${3:?number of programs}
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-random.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
each=40 batch=100 done=0 started=$SECONDS

while [ "$done" -lt "$want" ]; do
    left=$(((want - done + each - 1) / each))
    [ "$left" -lt "$batch" ] && batch=$left
    rm -rf "$tmp/out"
    test/random/make.sh "$build" "$tmp/out" "$seed" "$batch" "$each" || exit 1
    if ! MM_RANDOM="$tmp/out" "$build/test/test_gp_random" >"$tmp/log" 2>&1; then
        cat "$tmp/log"
        echo "random: packages of seeds $seed to $((seed + batch - 1)) differ" >&2
        exit 1
    fi
    done=$((done + batch * each))
    seed=$((seed + batch))
done
echo "$done random programs agree ($((SECONDS - started)) s)"
