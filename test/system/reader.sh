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
00 A4 04 00 07 F0 4D 4D 4D 4D 4D 4D 00
80 F2 80 00 02 4F 00 00
S
    cat "$work/scriptor"
    for expected in '90 00 : Normal' '68 81' '6A 82' '69 82'; do
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

check "a chip is made" "$bin/mintmark-chip" init test
check "it is in the reader" chip_start test
check "opensc-tool reads its ATR" says 3b opensc-tool -a
check "pcsc_scan reads the same ATR" atr_of_scan
check "opensc-tool selects the issuer security domain" \
    says "SW1=0x90, SW2=0x00" opensc-tool -s 00A4040008A000000151000000
check "scriptor runs a session with good and bad commands" scripted
check "opensc-tool gets 200 answers in one session" many_apdus
check "warm and cold reset leave the card there" warm_reset_keeps_the_card
check "it ends cleanly when told to" chip_stop
check "it can be put in again" chip_start test
check "and answers again" says "SW1=0x90, SW2=0x00" opensc-tool -s 00A4040008A000000151000000
tap_end
