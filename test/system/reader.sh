#!/usr/bin/env bash
# The chip in a PC/SC reader, seen by programs that are not ours: opensc-tool, pcsc_scan, scriptor.
#     test/system/with-reader.sh test/system/reader.sh BUILD
set -u
build=${1:?usage: reader.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh
export MINTMARK_HOME="$work/home"

if [ "$link" != vpcd ]; then
    skip "other people's programs see the chip" "no pcscd here"
    tap_end
fi

atr_of_scan() {
    timeout 5 pcsc_scan -c | sed 's/\x1b\[[0-9;]*m//g' | tr -d ' \n' | grep -qi "ATR:$(opensc-tool -a | tr -d ': \n')"
}
scripted() {
    scriptor -r "$reader" <<'S' >"$work/scriptor" 2>&1
reset
00 A4 04 00 08 A0 00 00 01 51 00 00 00 00
80 CA 00 45 00
00 70 00 00 01
01 A4 04 00 08 A0 00 00 01 51 00 00 00 00
00 70 80 01
00 70 80 01
81 CA 00 45 00
00 A4 04 00 07 F0 4D 4D 4D 4D 4D 4D 00
80 F2 80 00 02 4F 00 00
S
    cat "$work/scriptor"
    for expected in '90 00 : Normal' '62 00' '68 81' '6A 82' '69 82'; do
        grep -q "$expected" "$work/scriptor" || { echo "expected to read: $expected"; return 1; }
    done
}
many_apdus() {
    local args=()
    while [ "${#args[@]}" -lt 400 ]; do args+=(-s 00A4040008A000000151000000); done
    [ "$(opensc-tool "${args[@]}" | grep -c '(SW1=0x90, SW2=0x00)')" -eq 200 ]
}
warm_reset_keeps_the_card() {
    opensc-tool --reset=warm && opensc-tool -a && opensc-tool --reset=cold && opensc-tool -a
}

# Two slots, a chip in each: what one tells is not what the other does.
number_in() { opensc-tool -r "$1" -s 80CA004500 | grep -A 1 '^45 10'; }
second_slot_has_its_own() {
    local one two
    wait_until 10 in_second_slot || return 1
    one=$(number_in 0) && two=$(number_in 1) && [ "$one" != "$two" ]
}
in_second_slot() { opensc-tool -l | grep -qE '^1 +Yes'; }
second_slot_is_empty() { wait_until 10 not_in_second_slot && card_present; }
not_in_second_slot() { ! in_second_slot; }
second_in() {
    "$bin/mintmark-chip" init second
    "$bin/mintmark-chip" run second --slot 1 2>>"$work/second.log" &
    second_pid=$!
    children+=("$second_pid")
}

# The chip outlives pcscd and goes into the next one by itself.
restart_pcscd() {
    kill "$MM_PCSCD_PID"
    wait_until 10 pcscd_ended || return 1
    rm -f /run/pcscd/pcscd.comm
    pcscd --foreground >>"$work/pcscd.log" 2>&1 &
    MM_PCSCD_PID=$!
    children+=("$MM_PCSCD_PID")
    wait_until 20 card_present
}
pcscd_ended() { ! kill -0 "$MM_PCSCD_PID" 2>/dev/null; }

check "a chip is made" "$bin/mintmark-chip" init test
check "it is in the reader" chip_start test
check "opensc-tool reads its ATR" says 3b opensc-tool -a
check "pcsc_scan reads the same ATR" atr_of_scan
check "opensc-tool selects the issuer security domain" \
    says "SW1=0x90, SW2=0x00" opensc-tool -s 00A4040008A000000151000000
check "scriptor runs a session with good and bad commands" scripted
check "opensc-tool gets 200 answers in one session" many_apdus
check "warm and cold reset leave the card there" warm_reset_keeps_the_card
check "a second chip goes into the second slot" second_in
check "each slot has its own chip" second_slot_has_its_own
check "the second is taken out, the first stays" end_process "$second_pid"
check "and its slot is empty" second_slot_is_empty
if [ -n "${MM_PCSCD_PID:-}" ]; then
    check "the chip is back after pcscd was restarted" restart_pcscd
    check "and answers" says "SW1=0x90, SW2=0x00" opensc-tool -s 00A4040008A000000151000000
fi
check "it ends cleanly when told to" chip_stop
check "it can be put in again" chip_start test
check "and answers again" says "SW1=0x90, SW2=0x00" opensc-tool -s 00A4040008A000000151000000
tap_end
