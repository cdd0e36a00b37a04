#!/usr/bin/env bash
# Faults: parts that are missing, parts that die at any moment, input that is broken. Nothing hangs, each is
# named, no money is lost or doubled, stored state stays as it was.
#     test/system/with-reader.sh test/system/faults.sh BUILD
set -u
build=$(realpath "${1:?usage: faults.sh BUILD}")
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh
# shellcheck source=test/system/terminal.sh
. test/system/terminal.sh

set_up() {
    "$platform" init && platform_start && terminal_install_client && release_all &&
        "$bin/mintmark-chip" init card --profile payment && chip_start card && enroll &&
        agent_start && pay install purse && pay personalise purse && pay load 100.00
}

# ---- Money under faults ----
# After any fault: the terminal comes back, what is pending is settled, chip and ledger agree, and the
# purse has lost exactly what $1 allows (in steps of 10 cents, at most one).
settled_after() {
    local before=$1 after
    kill -0 "$chip_pid" 2>/dev/null || chip_start card || return 1
    kill -0 "$platform_pid" 2>/dev/null || platform_start || return 1
    kill -0 "$agent_pid" 2>/dev/null || agent_start || return 1
    agent check || return 1
    pay recover || return 1
    after=$(purse_balance)
    ledger_is "$after" || return 1
    after=$(cents "$after")
    [ "$after" -eq "$before" ] || [ "$after" -eq $((before - 10)) ] ||
        { echo "the purse had $before cents, now $after"; return 1; }
}

# Power is cut at the n-th persistent write of the chip's life since power-on, for n = 1, 2, 3, ... until a
# payment goes through without a cut.
power_cut_at_every_write() {
    local n before
    for n in $(seq 1 60); do
        before=$(cents "$(purse_balance)")
        agent_stop
        chip_stop
        chip_start_torn "$n" || return 1
        agent_start >/dev/null 2>&1
        pay pay 0.10 >"$work/torn.log" 2>&1
        if kill -0 "$chip_pid" 2>/dev/null; then
            echo "no cut at write $n any more"
            agent_stop
            chip_stop
            settled_after "$before" && [ "$n" -gt 3 ]
            return $?
        fi
        agent_stop
        settled_after "$before" || { echo "after a cut at write $n"; cat "$work/torn.log"; return 1; }
    done
    echo "still cut at write 60"
    return 1
}
# The chip may be cut before its reader shows a card.
chip_start_torn() {
    if [ "$link" = vpcd ]; then
        "$bin/mintmark-chip" tear card --at "$1" >>"$work/chip.log" 2>&1 &
    else
        "$bin/mintmark-chip" tear card --at "$1" --listen "$chip_port" >>"$work/chip.log" 2>&1 &
    fi
    chip_pid=$!
    children+=("$chip_pid")
    if [ "$link" = vpcd ]; then wait_until 2 card_present; fi
    return 0
}

# die_in_payment PART: kill -9 the part at some moment of a payment, several times.
die_in_payment() {
    local part=$1 before pid delay
    for delay in 0.02 0.05 0.08 0.11 0.14 0.18 0.23 0.3; do
        before=$(cents "$(purse_balance)")
        # Not through timeout(1), which would be what dies.
        "$client" pay 0.10 >>"$work/die.log" 2>&1 &
        pid=$!
        sleep "$delay" # the moment itself is what is tried, not a condition to wait for
        case $part in
        client) kill -9 "$pid" 2>/dev/null ;;
        platform) kill -9 "$platform_pid"; wait "$platform_pid" 2>/dev/null ;;
        agent) kill -9 "$agent_pid"; wait "$agent_pid" 2>/dev/null ;;
        chip) chip_stop KILL ;;
        esac
        wait "$pid" 2>/dev/null
        settled_after "$before" || { echo "$part died after $delay s"; tail "$work/die.log"; return 1; }
    done
}

# Two clients pay at once: both payments are made, or one is told that the card is in use.
two_clients_at_once() {
    local before after a b paid=0
    before=$(cents "$(purse_balance)")
    "$client" pay 0.10 >"$work/a.log" 2>&1 &
    a=$!
    "$client" pay 0.10 >"$work/b.log" 2>&1 &
    b=$!
    wait "$a" && paid=$((paid + 1))
    wait "$b" && paid=$((paid + 1))
    cat "$work/a.log" "$work/b.log"
    pay recover >/dev/null
    after=$(purse_balance)
    ledger_is "$after" || return 1
    echo "$paid went well"
    [ "$paid" -ge 1 ] && [ $((before - $(cents "$after"))) -eq $((paid * 10)) ]
}

# ---- Missing parts ----
agent_is_down() {
    agent_stop
    refuses 5 agent pay balance
}
platform_is_down() {
    platform_stop
    refuses 5 platform pay load 1.00
}
card_is_out() {
    chip_stop
    if [ "$link" = vpcd ]; then refuses 4 card pay balance; else status 4 pay balance; fi
}
pcscd_is_gone() {
    kill "$MM_PCSCD_PID"
    wait_until 5 pcscd_ended
    refuses 4 pcscd pay balance
}
pcscd_ended() {
    ! kill -0 "$MM_PCSCD_PID" 2>/dev/null
}

# ---- Broken input ----
ledger_state() {
    "$platform" report --json | jq -cS '{accounts, chips, terminals}'
}
http_is() {
    local want=$1 got
    shift
    got=$(as_terminal -o "$work/body" -w '%{http_code}' "$@")
    cat "$work/body"
    [ "$got" = "$want" ] || { echo "HTTP $got, expected $want"; return 1; }
    [ "$want" = 200 ] || jq -e '.error and .message' "$work/body" >/dev/null
}
bad_requests() {
    local before json='Content-Type: application/json'
    before=$(ledger_state)
    head -c 300000 /dev/zero | tr '\0' 'a' >"$work/big"
    http_is 400 -H "$json" "$url/v1/load/begin" -d '{"purse":' &&
        http_is 400 -H "$json" "$url/v1/pay/settle" -d '[]' &&
        http_is 400 -H "$json" "$url/v1/pay/settle" -d '{"key":1}' &&
        http_is 404 "$url/v1/nothing" &&
        http_is 405 "$url/v1/load/begin" &&
        http_is 413 -H "$json" "$url/v1/load/begin" --data-binary "@$work/big" &&
        http_is 403 -H 'Content-Type: application/eat+cwt' "$url/v1/evidence" -d 'garbage' &&
        [ "$(ledger_state)" = "$before" ]
}
bad_client_conf() {
    local conf="$MINTMARK_HOME/client/client.conf" got
    cp "$conf" "$work/conf"
    echo 'no equals sign here' >>"$conf"
    says "line" pay balance && ! pay balance >/dev/null 2>&1
    got=$?
    cp "$work/conf" "$conf"
    return "$got"
}
bad_certificate() {
    local cert="$MINTMARK_HOME/client/ca.pem" got
    cp "$cert" "$work/cert"
    echo 'not a certificate' >"$cert"
    says "ca.pem" pay balance
    got=$?
    cp "$work/cert" "$cert"
    return "$got"
}
bad_caps() {
    local size half cap="$build/applets/transit.cap" tool=("$bin/mintmark-gp" --reader "chip:$work/bad.nvm")
    "$bin/mintmark-chip" --home "$work/devhome" init dev >/dev/null || return 1
    tool=("$bin/mintmark-gp" --reader "chip:$work/devhome/chip/dev.nvm" --test-keys)
    "${tool[@]}" list >"$work/before" || return 1
    size=$(stat -c %s "$cap")
    half=$((size / 2))
    head -c "$half" "$cap" >"$work/truncated.cap"
    status 1 "${tool[@]}" install "$work/truncated.cap" || return 1
    cp "$cap" "$work/corrupt.cap" && flip "$work/corrupt.cap" "$half"
    ! "${tool[@]}" install "$work/corrupt.cap" || return 1
    head -c 2000000 /dev/urandom >"$work/large.cap"
    ! "${tool[@]}" install "$work/large.cap" || return 1
    "${tool[@]}" list | diff "$work/before" -
}
bad_script() {
    printf '00A40400 00 => 9000\n00A4040\n' >"$work/bad.apdu"
    says "bad.apdu:2" "$bin/mintmark-apdu" run --reader "chip:$work/devhome/chip/dev.nvm" "$work/bad.apdu"
}
# Every cut of an image: the chip says what is wrong or answers with integrity invalid; it never crashes.
bad_images() {
    local size n got
    for n in 0 1 16 100 500; do
        rm -rf "$work/cut"
        cp -r "$work/devhome" "$work/cut"
        truncate -s "$n" "$work/cut/chip/dev.nvm"
        "$bin/mintmark-chip" --home "$work/cut" fsck dev
        got=$?
        [ "$got" -eq 1 ] || [ "$got" -eq 3 ] || { echo "cut to $n bytes: exit status $got"; return 1; }
    done
    size=$(stat -c %s "$work/devhome/chip/dev.nvm")
    for n in 0 9 40 $((size / 2)) $((size - 1)); do
        rm -rf "$work/cut"
        cp -r "$work/devhome" "$work/cut"
        flip "$work/cut/chip/dev.nvm" "$n"
        "$bin/mintmark-chip" --home "$work/cut" fsck dev
        got=$?
        [ "$got" -eq 1 ] || [ "$got" -eq 3 ] || { echo "byte $n changed: exit status $got"; return 1; }
    done
    "$bin/mintmark-chip" --home "$work/devhome" fsck dev
}
# An image that an older program left: named, and not touched.
other_version() {
    rm -rf "$work/cut"
    cp -r "$work/devhome" "$work/cut"
    printf '\001' | dd of="$work/cut/chip/dev.nvm" bs=1 seek=7 conv=notrunc status=none
    cp "$work/cut/chip/dev.nvm" "$work/older"
    status 1 "$bin/mintmark-chip" --home "$work/cut" info dev &&
        says "image of format 1" "$bin/mintmark-chip" --home "$work/cut" run dev --listen 0 &&
        cmp "$work/older" "$work/cut/chip/dev.nvm"
}
image_in_use() {
    says "use" "$bin/mintmark-chip" info card
}

check "a terminal with a purse of 100.00 is set up" set_up
check "requests that make no sense get a JSON error and change nothing" bad_requests
check "a broken configuration is named with its line" bad_client_conf
check "a broken certificate is named" bad_certificate
check "truncated, corrupt and oversized CAP files are refused, the chip stays as it was" bad_caps
check "a broken script is named with its line" bad_script
check "cut and changed images are found, none crashes the chip" bad_images
check "an image of another version is named and left alone" other_version
check "power cut at every persistent write of a payment" power_cut_at_every_write
check "the client dies in a payment" die_in_payment client
check "the chip dies in a payment" die_in_payment chip
check "the platform dies in a payment" die_in_payment platform
check "the agent dies in a payment" die_in_payment agent
check "two clients at once" two_clients_at_once
check "agent down: status 5, and it is named" agent_is_down
check "the agent again" agent_start
check "platform down: status 5, and it is named" platform_is_down
check "the platform again" platform_start
check "card out: status 4, and it is named" card_is_out
check "the card again" chip_start card
check "an image in use is named" image_in_use
check "pays again after all that" pay pay 0.10
if [ -n "${MM_PCSCD_PID:-}" ]; then check "pcscd stopped: status 4, and it is named" pcscd_is_gone; fi
tap_end
