# A terminal and its platform, for the system tests; sourced after lib.sh. Everything lives under $work.
# shellcheck shell=bash disable=SC2154

export MINTMARK_HOME="$work/home"
export MINTMARK_PIN=1234
purse=F04D494E544D41524B1001
client="$work/terminal/mintmark-pay"
platform_dir="$MINTMARK_HOME/platform"
platform="$bin/mintmark-platform"
image="$MINTMARK_HOME/chip/card.nvm"
platform_port=0

agent() {
    "$bin/mintmark-agent" "$@"
}
pay() {
    timeout 60 "$client" "$@"
}

# ---- Platform ----
platform_start() {
    local home=${1:-$platform_dir} ready="$work/platform.ready"
    rm -f "$ready"
    "$platform" --home "$home" run --listen "127.0.0.1:$platform_port" --ready-file "$ready" \
        >>"$work/platform.log" 2>&1 &
    platform_pid=$!
    children+=("$platform_pid")
    wait_until 10 test -s "$ready" || { cat "$work/platform.log"; return 1; }
    platform_port=$(cat "$ready")
    url="https://127.0.0.1:$platform_port"
}
platform_stop() {
    end_process "$platform_pid"
}
as_terminal() {
    curl -sS --max-time 10 --cacert "$platform_dir/ca.pem" --cert "$MINTMARK_HOME/agent/terminal.pem" \
        --key "$MINTMARK_HOME/agent/terminal.key" "$@"
}
visitor_is_refused() {
    ! curl -sS --max-time 10 --cacert "$platform_dir/ca.pem" "$url/v1/references"
}

# ---- Terminal ----
terminal_install_client() {
    mkdir -p "$work/terminal"
    cp "$bin/mintmark-pay" "$client"
}
release_all() {
    "$platform" release --client "$client" --cap "$build/applets/purse.cap" \
        --cap "$build/applets/transit.cap"
}
enroll() {
    "$platform" enroll --reader "$reader" --chip card --terminal "$MINTMARK_HOME/agent" \
        --client "$MINTMARK_HOME/client" --url "$url" --client-program "$client"
}
# The daemon, as soon as it answers; what it found is another matter.
agent_launch() {
    "$bin/mintmark-agent" run >>"$work/agent.log" 2>&1 &
    agent_pid=$!
    children+=("$agent_pid")
    wait_until 10 agent events || { cat "$work/agent.log"; return 1; }
}
agent_start() {
    agent_launch || return 1
    agent status || { cat "$work/agent.log"; return 1; }
}
agent_stop() {
    end_process "$agent_pid"
}
all_off() {
    agent_stop
    chip_stop
}
pcsc_scan_sees_card() {
    timeout 5 pcsc_scan -c | tr -d ' \n' | grep -qi "$(opensc-tool -a | tr -d ': \n')"
}

# ---- Money ----
# Balances as the chip and as the ledger have them, in decimal.
purse_balance() {
    pay balance | grep -oE '[0-9]+\.[0-9]{2}' | head -n 1
}
ledger_balance() {
    "$platform" report --json |
        jq -r '[.purses[] | select(.state == "active")][0].balance // empty' |
        awk '{ printf "%.2f\n", $1 / 100 }'
}
balance_is() {
    local now
    now=$(purse_balance)
    [ "$now" = "$1" ] || { echo "the chip has '$now', expected $1"; return 1; }
}
ledger_is() {
    local now
    now=$(ledger_balance)
    [ "$now" = "$1" ] || { echo "the ledger has '$now', expected $1"; return 1; }
}
cents() {
    awk -v a="$1" 'BEGIN { printf "%d\n", a * 100 + 0.5 }'
}
log_has_both() {
    pay log >"$work/paylog"
    cat "$work/paylog"
    grep -q '100\.00' "$work/paylog" && grep -q '12\.50' "$work/paylog"
}

# Payments of 0.10 one after another until one misses; the number that went well is in the file.
stream() {
    local done=0
    echo 0 >"$work/paid"
    while [ "$done" -lt 50 ] && pay pay 0.10 >>"$work/stream.log" 2>&1; do
        done=$((done + 1))
        echo "$done" >"$work/paid.new" && mv "$work/paid.new" "$work/paid"
    done
}
paid_at_least() {
    [ "$(cat "$work/paid" 2>/dev/null || echo 0)" -ge "$1" ]
}
# The chip dies while payments stream; a payment that was answered is there, one that was not is there
# wholly or not at all, and the ledger agrees with the chip.
kill_in_stream() {
    local before after paid taken stream_pid
    before=$(cents "$(purse_balance)")
    rm -f "$work/paid"
    stream &
    stream_pid=$!
    wait_until 30 paid_at_least 3 || { cat "$work/stream.log"; return 1; }
    chip_stop KILL
    wait "$stream_pid"
    chip_start card || return 1
    agent check >/dev/null || { agent status; return 1; }
    pay recover || return 1
    after=$(purse_balance)
    paid=$(cat "$work/paid")
    taken=$(((before - $(cents "$after")) / 10))
    echo "$paid payments were confirmed, $taken were taken from the purse"
    [ "$taken" -eq "$paid" ] || [ "$taken" -eq $((paid + 1)) ] || return 1
    ledger_is "$after"
}

# ---- Attacks ----
# Offset of some of a CAP's method bytes in the chip's image, which keeps them as loaded.
code_offset() {
    local pattern
    pattern=$(unzip -p "$1" '*/Method.cap' | xxd -p -s 60 -l 24 | tr -d '\n' | sed 's/../\\x&/g')
    LC_ALL=C grep -obUaP -m 1 "$pattern" "$image" | head -n 1 | cut -d: -f1
}
change_purse_code() {
    local off
    agent_stop
    chip_stop
    mkdir -p "$work/old"
    cp "$image"* "$work/old/"
    off=$(code_offset "$build/applets/purse.cap")
    [ -n "$off" ] || { echo "the code is not in the image"; return 1; }
    flip "$image" "$off" && chip_start card
}
agent_deletes_purse() {
    agent_start || return 1
    agent events | tee "$work/events"
    grep deleted "$work/events" | grep -q "$purse"
}
reinstall_purse() {
    pay install purse && pay personalise purse
}
change_client() {
    local off
    cp "$client" "$work/client.right"
    off=$(LC_ALL=C grep -obUa -m 1 'Payment client; without a command' "$client" | head -n 1 | cut -d: -f1)
    [ -n "$off" ] && flip "$client" "$off" && status 3 agent check
}
restore_client() {
    cp "$work/client.right" "$client" && agent check
}
put_back_old_image() {
    agent_stop
    chip_stop
    mkdir -p "$work/new"
    cp "$image"* "$work/new/"
    # The flash alone: the fuse shows it.
    cp "$work/old/card.nvm" "$image"
    rm -f "$image.journal"
    chip_start card || return 1
    agent_launch || return 1
    refuses 3 older agent status
}
put_back_whole_old_chip() {
    agent_stop
    chip_stop
    # Flash and fuse together, as if the chip had been opened: the agent's own history shows it.
    cp "$work/old/"card.nvm* "$MINTMARK_HOME/chip/"
    chip_start card || return 1
    agent_launch || return 1
    refuses 3 older agent status
}
put_back_new_image() {
    agent_stop
    chip_stop
    cp "$work/new/"card.nvm* "$MINTMARK_HOME/chip/"
    chip_start card && agent_start
}
# A reader in the middle that answers INTEGRITY with what it recorded before.
replayed_token() {
    local port
    "$build/attack/replay_reader" "$reader" >"$work/replay" 2>&1 &
    children+=("$!")
    wait_until 10 grep -q '^port ' "$work/replay" || { cat "$work/replay"; return 1; }
    port=$(sed -n 's/^port //p' "$work/replay")
    refuses 3 replayed pay --reader "tcp:127.0.0.1:$port" status
    local got=$?
    end_process "${children[-1]}"
    return "$got"
}
# The last payment's record, as the purse itself gives it, sent once more as a new purchase.
replayed_purchase() {
    local record id result session answer
    pay pay 0.10 >/dev/null || return 1
    agent report pay >"$work/report" || { cat "$work/report"; return 1; }
    session=$(sed -n 's/^session *//p' "$work/report")
    result=$(sed -n 's/^result *//p' "$work/report")
    "$build/attack/purse_record" "$reader" >"$work/record" || { cat "$work/record"; return 1; }
    id=$(sed -n 's/^purse //p' "$work/record")
    record=$(sed -n 's/^record //p' "$work/record")
    answer=$(as_terminal -H 'Content-Type: application/json' "$url/v1/pay/settle" -d "$(jq -nc \
        --arg key "again-$$" --arg purse "$record" --arg session "$session" --arg result "$result" \
        --arg purse_id "$id" '$ARGS.named')")
    echo "$answer"
    [ "$(jq -r .error <<<"$answer")" = replayed_purchase ]
}
# The same address and the same CA, but another key than the one pinned.
wrong_platform() {
    local false_dir="$work/false" got
    cp -r "$platform_dir" "$false_dir"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$false_dir/server.key" \
        -subj /CN=platform -out "$work/false.csr" 2>/dev/null || return 1
    openssl x509 -req -in "$work/false.csr" -CA "$platform_dir/ca.pem" -CAkey "$platform_dir/ca.key" \
        -CAcreateserial -days 1 -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) \
        -out "$false_dir/server.pem" 2>/dev/null || return 1
    platform_stop
    platform_start "$false_dir" || return 1
    says "not the pinned one" agent report
    got=$?
    platform_stop
    platform_start || return 1
    return "$got"
}

# ---- Updates ----
pins_are() {
    local n
    n=$(grep -vc '^#' "$MINTMARK_HOME/agent/platform.pin")
    [ "$n" = "$1" ] || { echo "$n pins are accepted, expected $1"; return 1; }
}
renew_platform() {
    says "version 1" "$platform" renew --days 90 || return 1
    refuses 1 "waits" "$platform" renew || return 1
    says "0.10" pay pay 0.10
}
learn_platform() {
    agent update || return 1
    says '"platform": 1' agent status --json && pins_are 2
}
switch_platform() {
    "$platform" renew --activate || return 1
    kill -s HUP "$platform_pid"
    wait_until 10 grep -q server.pem "$work/platform.log" || { cat "$work/platform.log"; return 1; }
    says "0.10" pay pay 0.10 && pins_are 1
}
renew_release() {
    says "release certificate version 1" "$platform" renew --release || return 1
    agent update || return 1
    says '"release": 1' agent status --json || return 1
    says "0.10" pay pay 0.10
}
# What an agent that was taken over gets from the chip for an update.
chip_answers() {
    says "$1" "$build/attack/deliver_update" "$reader" "$MINTMARK_HOME/agent/pairing.key" 2 "$2"
}
# The right server, certificate and all, but updates are signed with a key that the operator's CA has
# certified as that of a release, and that no update of kind 3 has brought.
forged_update() {
    local false_dir="$work/forged" got
    cp -r "$platform_dir" "$false_dir"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$false_dir/release.key" \
        -subj /CN=release -out "$work/forged.csr" 2>/dev/null || return 1
    openssl x509 -req -in "$work/forged.csr" -CA "$platform_dir/ca.pem" -CAkey "$platform_dir/ca.key" \
        -CAcreateserial -days 1 -out "$false_dir/release.pem" 2>/dev/null || return 1
    "$platform" --home "$false_dir" renew || return 1
    platform_stop
    platform_start "$false_dir" || return 1
    as_terminal -o "$work/forged.cose" "$url/v1/updates?kind=2&after=2" || return 1
    refuses 3 "was refused" agent update
    got=$?
    platform_stop
    platform_start || return 1
    [ "$got" = 0 ] && chip_answers 6982 "$work/forged.cose" && pay pay 0.10
}
old_update() {
    as_terminal -o "$work/old.cose" "$url/v1/updates?kind=2&after=0" || return 1
    chip_answers 6985 "$work/old.cose" && pay pay 0.10
}
revoked_terminal() {
    local serial
    serial=$(openssl x509 -in "$MINTMARK_HOME/agent/terminal.pem" -noout -serial | cut -d= -f2)
    "$platform" revoke --serial "$serial" || return 1
    says revoked pay load 1.00
}
