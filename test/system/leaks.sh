#!/usr/bin/env bash
# valgrind over a scripted session in process: no leak, no bad access.    test/system/leaks.sh BUILD
set -u
build=${1:?usage: leaks.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh
export MINTMARK_HOME="$work/home"

under_valgrind() {
    valgrind -q --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99 "$@"
}
image="chip:$MINTMARK_HOME/chip/leak.nvm"
check "making a chip" under_valgrind "$bin/mintmark-chip" init leak
check "a scripted session" under_valgrind "$bin/mintmark-apdu" run --reader "$image" test/card/*.apdu
check "loading and installing the purse over SCP03" under_valgrind \
    "$bin/mintmark-gp" --reader "$image" --test-keys install "$build/applets/purse.cap"
check "deleting it" under_valgrind \
    "$bin/mintmark-gp" --reader "$image" --test-keys --yes delete F04D494E544D41524B10 --deps
check "looking at the chip" under_valgrind "$bin/mintmark-chip" info leak
tap_end
