# Shared by the system tests; sourced, not run. TAP output, starting and stopping chips, waiting for
# conditions (bounded, never a fixed sleep for synchronisation).
# Needs: $build (folder of the build), set by the caller.
# shellcheck shell=bash

bin="${build:?set by the caller}/bin"
link=${MM_LINK:-tcp}
tap_n=0
tap_bad=0
work=$(mktemp -d "${TMPDIR:-/tmp}/mintmark.XXXXXX")
children=()

# check DESCRIPTION COMMAND...: one TAP line; the command's output is shown when it misses.
check() {
    local what=$1
    shift
    tap_n=$((tap_n + 1))
    if "$@" >"$work/out" 2>&1; then
        echo "ok $tap_n - $what"
        return 0
    fi
    echo "not ok $tap_n - $what"
    sed 's/^/#   /' "$work/out"
    tap_bad=$((tap_bad + 1))
    return 1
}

skip() {
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $1 # SKIP $2"
}

# status WANT COMMAND...: true when the command ends with exit status WANT.
status() {
    local want=$1 got
    shift
    "$@"
    got=$?
    [ "$got" -eq "$want" ] || { echo "exit status $got, expected $want: $*"; return 1; }
}

# says TEXT COMMAND...: true when the output (both streams) of the command has TEXT; its exit
# status does not matter.
says() {
    local text=$1 out
    shift
    out=$("$@" 2>&1)
    printf '%s\n' "$out"
    grep -qiF -- "$text" <<<"$out" || { echo "expected to read: $text"; return 1; }
}

# refuses STATUS TEXT COMMAND...: exit status and text both.
refuses() {
    local want=$1 text=$2 out got
    shift 2
    out=$("$@" 2>&1)
    got=$?
    printf '%s\n' "$out"
    [ "$got" -eq "$want" ] || { echo "exit status $got, expected $want: $*"; return 1; }
    grep -qiF -- "$text" <<<"$out" || { echo "expected to read: $text"; return 1; }
}

# wait_until SECONDS COMMAND...: until the command is true; false when the time is over.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# chip_start NAME [OPTION...]: run a chip and wait until its reader holds a card. Sets chip_pid,
# reader. Over TCP the port stays the same from one start to the next. chip_verb: run, or tear.
chip_port=0
chip_verb=run
chip_start() {
    local name=$1 log="$work/chip.log"
    shift
    : >"$log"
    if [ "$link" = vpcd ]; then
        reader="Virtual PCD 00 00"
        wait_until 10 card_absent # one that died may still be thought to be there
        "$bin/mintmark-chip" "$chip_verb" "$name" "$@" 2>>"$log" &
        chip_pid=$!
        children+=("$chip_pid")
        wait_until 10 card_present || { cat "$log"; return 1; }
    else
        "$bin/mintmark-chip" "$chip_verb" "$name" --listen "$chip_port" "$@" >>"$log" 2>&1 &
        chip_pid=$!
        children+=("$chip_pid")
        wait_until 10 grep -qE '127\.0\.0\.1:[0-9]+' "$log" || { cat "$log"; return 1; }
        chip_port=$(grep -oE '127\.0\.0\.1:[0-9]+' "$log" | head -n 1 | cut -d: -f2)
        reader="tcp:127.0.0.1:$chip_port"
    fi
    export reader
}
card_present() {
    opensc-tool -l | grep -qE '^0 +Yes'
}
card_absent() {
    ! card_present
}

# end_process PID [SIGNAL]: end it and wait; its exit status.
end_process() {
    local pid=$1
    kill -s "${2:-TERM}" "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}
chip_stop() {
    end_process "$chip_pid" "${1:-TERM}"
    local got=$?
    if [ "$link" = vpcd ]; then wait_until 10 card_absent; fi
    return "$got"
}

# flip FILE OFFSET: change one byte.
flip() {
    local byte
    byte=$(xxd -p -s "$2" -l 1 "$1") || return 1
    printf '%02x' $((0x$byte ^ 0x01)) | xxd -r -p | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

finish() {
    local pid
    for pid in "${children[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    if [ -n "${MM_KEEP:-}" ]; then echo "# kept: $work"; else rm -rf "$work"; fi
    [ "$tap_n" -gt 0 ] && [ "$tap_bad" -eq 0 ]
}
tap_end() {
    echo "1..$tap_n"
    echo "$((tap_n - tap_bad)) passed, $tap_bad failed"
    trap - EXIT
    finish
    exit $?
}
trap finish EXIT
