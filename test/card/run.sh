#!/usr/bin/env bash
# The scripts of this folder and content management, from one body, over every way to reach a chip: in
# process, TCP, and vpcd through a pcscd of its own where one can be started.     test/card/run.sh BUILD
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
# gp ARGUMENT...: mintmark-gp with the keys of a fresh chip.
gp() { "$bin/mintmark-gp" --reader "$reader" --test-keys "$@"; }
lists() { gp list | grep -F -- "$1"; }
lists_not() { ! lists "$1"; }
purse=F04D494E544D41524B1001

# content WAY: packages come and go, and what is refused is said.
content() {
    local caps="$build/applets"
    check "$1: the domain is listed" says "OP_READY" gp list
    check "$1: the list as JSON" says '"aid": "A000000151000000"' gp --json list
    check "$1: chip number and keys without a session" says "AES-128" "$bin/mintmark-gp" -r "$reader" info
    check "$1: the purse is installed" gp install "$caps/purse.cap"
    check "$1: and again is refused" refuses 5 "INSTALL [for load]: 69" gp install "$caps/purse.cap"
    check "$1: the transit pass is installed" gp install "$caps/transit.cap"
    check "$1: the purse is listed" lists "$purse"
    check "$1: it can be selected" tool_run 'select purse => 9000'
    check "$1: a package in use is not deleted" refuses 5 "DELETE: 69" gp --yes delete purse-package
    check "$1: nothing is deleted unasked" refuses 2 "say --yes" gp delete --deps purse-package
    check "$1: with its applets it is" gp --yes delete --deps purse-package
    check "$1: the purse is gone" lists_not "$purse"
    check "$1: and cannot be selected" tool_run 'select purse => none 6A82'
    check "$1: what is not there is not deleted" refuses 5 "6A88" gp --yes delete purse
    check "$1: wrong keys are found out, and said what that may mean" refuses 1 "may count" \
        "$bin/mintmark-gp" -r "$reader" -k 00112233445566778899AABBCCDDEEFF list
    check "$1: a locked applet" gp lock transit
    check "$1: is not selected" tool_run 'select transit => none 6A82'
    check "$1: unlocked" gp unlock transit
    check "$1: it is" tool_run 'select transit => 9000'
    check "$1: a card is not locked before it is secured" refuses 5 "SET_STATUS: 6985" gp --yes lock
    check "$1: nor ended by mistake" refuses 2 "say --yes" gp terminate
    check "$1: it is secured" gp --yes set-state initialized
    check "$1: in two steps" gp --yes set-state secured
    check "$1: locked" gp --yes lock
    check "$1: it takes no content" refuses 5 "6985" gp --yes delete transit
    check "$1: unlocked it does" gp unlock
    check "$1: the issuer number is stored" gp store-data 4203123456
    check "$1: and told, as JSON" says '"iin": "4203123456"' "$bin/mintmark-gp" -r "$reader" --json info
    check "$1: an applet that takes no data" refuses 5 "personalization]: 6985" gp personalise transit 00
    check "$1: no new keys, no change" refuses 2 "no new keys given" gp put-keys
    echo 00112233445566778899AABBCCDDEEFF >"$work/new.key" && chmod 600 "$work/new.key"
    check "$1: keys are replaced" gp --new-key-file "$work/new.key" put-keys
    check "$1: the new keys are the card's" \
        "$bin/mintmark-gp" -r "$reader" -k 00112233445566778899AABBCCDDEEFF --key-version 30 list
    check "$1: the test keys are not even tried" refuses 1 "not tried" gp list
    check "$1: and are not the card's" refuses 1 "cryptogram" gp --yes list
    check "$1: a second set" "$bin/mintmark-gp" -r "$reader" --key-file "$work/new.key" \
        --new-key-file "$work/new.key" --new-version 31 --add put-keys
    check "$1: opens the card too" "$bin/mintmark-gp" -r "$reader" --key-file "$work/new.key" --key-version 31 list
    check "$1: and can go" "$bin/mintmark-gp" -r "$reader" --key-file "$work/new.key" -y delete-keys 31
    check "$1: the last set cannot" refuses 5 "DELETE: 6985" \
        "$bin/mintmark-gp" -r "$reader" --key-file "$work/new.key" -y delete-keys 30
}
tool_run() { printf '%s\n' "$1" | "$bin/mintmark-apdu" --reader "$reader" run -; }

# all_of WAY: what is the same over every link.
all_of() {
    scripts "$1"
    content "$1"
    check "$1: a missed expectation has its line" refuses 1 "stdin:1: expected 6A82, got" tool_run '80CA004500 => 6A82'
}
# served LINK: the same chip program, a fresh chip, one link.
served() {
    link=$1
    if check "$link: a fresh chip is made" "$bin/mintmark-chip" init "$link" &&
        check "$link: the chip is reached" chip_start "$link"; then
        all_of "$link"
        check "$link: the chip stops" chip_stop
    fi
}
# Under T=0 (mintmark-chip run --protocol t0): what a host without extended length does.
t0() {
    local script
    link=tcp
    if check "t0: a fresh chip is made" "$bin/mintmark-chip" init t0 &&
        check "t0: the chip is reached" chip_start t0 --protocol t0; then
        check "t0: an applet for long commands" gp install --applet F04D494E544D41524BA501 \
            "$build/applets/test_exchange.cap"
        for script in test/card/t0/*.apdu; do
            check "t0: ${script##*/}" "$bin/mintmark-apdu" --reader "$reader" --tap run "$script"
        done
        check "t0: the chip stops" chip_stop
    fi
}
# What the tools say when there is nothing to talk to, or nothing sensible to say.
tools() {
    local nowhere="tcp:127.0.0.1:$chip_port" file="$work/script"
    check "tools: nobody listens" refuses 4 "no chip listens" "$bin/mintmark-apdu" -r "$nowhere" run test/card/isd.apdu
    check "tools: no image" refuses 4 "no chip image" "$bin/mintmark-gp" -r "chip:$work/none.nvm" info
    printf '# one\n00A4 0\n' >"$file"
    check "tools: a malformed script has its line" refuses 1 "script:2: byte 3 has one hex digit" \
        "$bin/mintmark-apdu" check "$file"
    check "tools: an absent script" refuses 1 "No such file" "$bin/mintmark-apdu" check "$work/none"
    check "tools: no keys are assumed" refuses 2 "no keys given" "$bin/mintmark-gp" list
    check "tools: half a key" refuses 2 "expected 16, 24" "$bin/mintmark-gp" -k 0011 list
    printf '404142434445464748494A4B4C4D4E4F\n' >"$file"
    chmod 644 "$file"
    check "tools: a key file that others may read" refuses 2 "chmod 600" "$bin/mintmark-gp" --key-file "$file" list
    check "tools: what is no CAP" refuses 1 "README.md" "$bin/mintmark-gp" hash README.md
    check "tools: a dry run is a script" dry_run_is_a_script
}
dry_run_is_a_script() {
    "$bin/mintmark-gp" --dry-run install "$build/applets/purse.cap" | tee "$work/dry" &&
        grep -c 'INSTALL \[for' "$work/dry" | grep -qx 2 && "$bin/mintmark-apdu" check "$work/dry"
}

if check "in process: a fresh chip is made" "$bin/mintmark-chip" init own; then
    reader="chip:$MINTMARK_HOME/chip/own.nvm"
    all_of "in process"
fi
served tcp
t0
tools
if [ "$MM_LINK" = vpcd ]; then
    served vpcd
else
    skip "vpcd: the same" "no pcscd here"
fi
tap_end
