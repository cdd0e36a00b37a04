#!/usr/bin/env bash
# The whole payment story with the real programs as separate processes; one TAP line a step.
#     test/system/with-reader.sh test/system/story.sh BUILD
# MM_LINK=tcp plays it over the chip's TCP link, without pcscd.
set -u
build=$(realpath "${1:?usage: story.sh BUILD}")
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh
# shellcheck source=test/system/terminal.sh
. test/system/terminal.sh

echo "# Mintmark: one payment, and everything that may go wrong with it"
[ "$link" = vpcd ] || echo "# over the TCP link"

# ---- 1. The platform ----
check "1. the platform makes its CA and keys" "$platform" init
check "1. trust and payment services listen (TLS 1.3)" platform_start
check "1. a visitor without a client certificate is turned away" visitor_is_refused

# ---- 2. The chip ----
terminal_install_client
check "2. the operator signs reference values for client, purse and transit pass" release_all
check "2. a chip is made" "$bin/mintmark-chip" init card --profile payment
check "2. it is put in the reader" chip_start card
if [ "$link" = vpcd ]; then
    check "2. opensc-tool sees it" says 3b opensc-tool -a
    check "2. pcsc_scan sees it" pcsc_scan_sees_card
fi
check "2. the platform enrols it: attestation key made in the chip, certificate issued" enroll
check "2. the client refuses while no agent has checked the terminal" refuses 5 "agent" pay status
check "2. the agent starts, finds all sound, opens the gate" agent_start

# ---- 3. The applets ----
check "3. the platform loads the purse through the client (SCP03)" pay install purse
check "3. and personalises it" pay personalise purse
check "3. and the transit pass" pay install transit
check "3. and personalises that" pay personalise transit

# ---- 4. Boot (method A) ----
check "4. chip and agent are off" all_off
check "4. the chip is put in" chip_start card
check "4. at boot the agent measures client and applets, finds all sound" agent_start
check "4. the gate is open" says '"gate": true' agent status --json

# ---- 5. Client start (method B) ----
check "5. the client demands integrity and shows applets and balance" says "0.00" pay status
check "5. the transit pass is among them" says F04D494E544D41524B1101 pay status

# ---- 6. Money ----
check "6. load 100.00 online" says "100.00" pay load 100.00
check "6. pay 12.50" says "87.50" pay pay 12.50
check "6. the log has both" log_has_both
check "6. the chip has 87.50" balance_is 87.50
check "6. the ledger has 87.50" ledger_is 87.50

# ---- 7. Power failure ----
check "7. the chip is killed in a stream of payments and put back: nothing lost, nothing doubled" \
    kill_in_stream

# ---- 8. A changed applet ----
before=$(purse_balance)
check "8. one byte of the purse's code is changed while the chip is out" change_purse_code
check "8. the client refuses with status 3 and names the package" \
    refuses 3 F04D494E544D41524B10 pay status
check "8. the agent's boot check deletes the applet and reports it" agent_deletes_purse
check "8. after that the chip is valid again" says "valid" pay status
check "8. and the transit pass still answers" says F04D494E544D41524B1101 pay status
check "8. the platform installs the purse again" reinstall_purse
check "8. and restores the balance its ledger proves" pay restore
check "8. the chip has what it had" balance_is "$before"
check "8. and so has the ledger" ledger_is "$before"

# ---- 9. A changed client, an older image ----
check "9. one byte of the client is changed: the agent disables payment" change_client
check "9. the client refuses with status 3" refuses 3 "disabled" pay status
check "9. the right client again: sound" restore_client
check "9. an older copy of the chip's image is put back: found" put_back_old_image
check "9. and refused" refuses 3 "older" pay status
check "9. the whole chip as it was, counter and all: found by the agent's own history" put_back_whole_old_chip
check "9. the newest image again: sound" put_back_new_image

# ---- 10. Refusals, each with its own message ----
check "10. a replayed chip token is refused" replayed_token
check "10. a replayed purchase is refused" replayed_purchase
check "10. a wrong platform certificate is refused" wrong_platform

# ---- 11. Updates ----
check "11. the platform renews its certificate and goes on with the old one" renew_platform
check "11. the terminal learns it by a signed update, which the chip verifies first" learn_platform
check "11. the platform switches; the client pays again, and only the new key is good" switch_platform
check "11. the release certificate is renewed by an update of its own; the client pays" renew_release
check "11. an update signed by a wrong key is refused, by agent and chip" forged_update
check "11. an update with an old version is refused by the chip" old_update

# ---- 12. The end of a terminal ----
check "12. a revoked terminal certificate is refused" revoked_terminal

tap_end
