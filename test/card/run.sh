#!/usr/bin/env bash
# The scripts of this folder over every way to reach a chip: in process, TCP, and vpcd through a pcscd
# of its own where one can be started.     test/card/run.sh BUILD
set -u
build=${1:?usage: run.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
[ -n "${MM_LINK:-}" ] || exec test/system/with-reader.sh "$0" "$@"
# shellcheck source=test/system/lib.sh
. test/system/lib.sh
export MINTMARK_HOME="$work/home"

# scripts WAY: each script against $reader.
scripts() {
    local script
    for script in test/card/*.apdu; do
        check "$1: ${script##*/}" "$bin/mintmark-apdu" --reader "$reader" --tap run "$script"
    done
}
# served LINK: the same chip program, a fresh chip, one link.
served() {
    link=$1
    if check "$link: a fresh chip is made" "$bin/mintmark-chip" init "$link" &&
        check "$link: the chip is reached" chip_start "$link"; then
        scripts "$link"
        check "$link: the chip stops" chip_stop
    fi
}

if check "in process: a fresh chip is made" "$bin/mintmark-chip" init own; then
    reader="chip:$MINTMARK_HOME/chip/own.nvm"
    scripts "in process"
fi
served tcp
if [ "$MM_LINK" = vpcd ]; then
    served vpcd
else
    skip "vpcd: the scripts" "no pcscd here"
fi
tap_end
