#!/usr/bin/env bash
# All tests, over one or more builds:   test/system/check.sh BUILD...
# Prints a line for each group as it ends and closes with "N passed, N failed". Every group counts
# the tests it ran; a group that ran none has failed.
set -u
cd "$(dirname "$0")/../.." || exit 1

passed=0
failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-check.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# Count the tests of a log: cmocka's summaries, or TAP lines.
count_passed() {
    awk '/^\[  PASSED  \] [0-9]+ test/ { n += $4 } /^ok [0-9]/ && !/# SKIP/ { n++ } END { print n + 0 }' "$1"
}
count_failed() {
    awk '/^\[  FAILED  \] [0-9]+ test/ { n += $4 } /^not ok [0-9]/ { n++ } END { print n + 0 }' "$1"
}

# group NAME COMMAND...: run, count, show the log when anything missed.
group() {
    local name=$1 log="$tmp/log" good bad status started=$SECONDS
    shift
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    good=$(count_passed "$log")
    bad=$(count_failed "$log")
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$good" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    passed=$((passed + good))
    failed=$((failed + bad))
    printf '%s: %d passed, %d failed (%d s)\n' "$name" "$good" "$bad" $((SECONDS - started))
    if [ "$bad" -ne 0 ]; then
        echo "---- $name, exit status $status:"
        tail -n 150 "$log"
        echo "----"
    fi
}

unit_tests() {
    local build=$1 bad=0 t
    for t in "$build"/test/test_*; do
        [ -x "$t" ] || continue
        case $t in *.d | *.o) continue ;; esac
        MM_BUILD=$build timeout 300 "$t" || { echo "not passed: $t"; bad=1; }
    done
    return $bad
}

fuzz_seeds() {
    local build=$1 n=0 bad=0 t name seeds
    for t in "$build"/fuzz/fuzz_*; do
        [ -x "$t" ] || continue
        name=$(basename "$t")
        seeds=()
        for d in "test/fuzz/corpus/${name#fuzz_}" "test/fuzz/crashes/${name#fuzz_}"; do
            if [ -d "$d" ]; then seeds+=("$d"); fi
        done
        n=$((n + 1))
        if [ "${#seeds[@]}" -gt 0 ] && timeout 300 "$t" "${seeds[@]}"; then
            echo "ok $n - $name replays its seeds"
        else
            echo "not ok $n - $name replays its seeds"
            bad=1
        fi
    done
    return $bad
}

for build in "$@"; do
    case $build in
    */san) label="ASan+UBSan" ;;
    *) label=${build##*/} ;;
    esac
    group "unit tests ($label)" unit_tests "$build"
    group "fuzz seeds ($label)" fuzz_seeds "$build"
    group "card tests ($label)" test/system/with-reader.sh test/card/run.sh "$build"
    group "reader tests ($label)" test/system/with-reader.sh test/system/reader.sh "$build"
    group "card tool ($label)" test/system/with-reader.sh test/system/gp.sh "$build"
    group "faults ($label)" test/system/with-reader.sh test/system/faults.sh "$build"
    group "story ($label)" test/system/with-reader.sh test/system/story.sh "$build"
done
group "story over TCP (release)" env MM_LINK=tcp test/system/story.sh "$1"
group "leaks (valgrind)" test/system/leaks.sh "$1"
group "documents" test/system/docs.sh "$1"
group "the first applet's guide" test/system/applets_doc.sh "$1"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
