#!/usr/bin/env bash
# mintmark-gp as its man page shows it, and with keys that stay in a PKCS#11 token.
#     test/system/with-reader.sh test/system/gp.sh BUILD
set -u
build=${1:?usage: gp.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh
export MINTMARK_HOME="$work/home"
tool=$(realpath "$bin/mintmark-gp")

# Every example of the man page, in its order, in a folder that has the files they name.
examples() {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh SECURITY/s/^\$ //p' docs/man/mintmark-gp.1
}
prepare_examples() {
    mkdir -p "$work/examples" && cp "$build"/applets/*.cap "$work/examples/" &&
        cp "$build/applets/test_upgrade1.cap" "$work/examples/wallet-1.cap" &&
        cp "$build/applets/test_upgrade2.cap" "$work/examples/wallet-2.cap" &&
        (
            umask 077 && cd "$work/examples" && echo 00112233445566778899AABBCCDDEEFF >master.key &&
                echo 112233445566778899AABBCCDDEEFF00 >domain.key &&
                openssl ecparam -name prime256v1 -genkey -noout -out dap.pem && openssl ec -in dap.pem -pubout -out dap.pub &&
                prepare_certificates && openssl genrsa -out token.pem 2048 && openssl rsa -in token.pem -pubout -out token.pub
        )
}
# An authority of hosts and a host, an authority of cards and a card: keys, X.509 certificates.
prepare_certificates() {
    local name ca
    for name in hosts-ca cards-ca host card; do
        openssl ecparam -name prime256v1 -genkey -noout -out "$name.key" || return 1
    done
    for name in hosts-ca cards-ca; do
        openssl req -x509 -key "$name.key" -subj "/CN=$name" -addext keyUsage=critical,keyCertSign -out "$name.pem" || return 1
    done
    for name in host card; do
        ca=${name}s-ca
        openssl req -x509 -CA "$ca.pem" -CAkey "$ca.key" -key "$name.key" -subj "/CN=$name" \
            -addext basicConstraints=critical,CA:false -addext keyUsage=critical,keyAgreement -out "$name.pem" || return 1
    done
}
run_example() {
    local line=$1
    (cd "$work/examples" && eval "${line/#mintmark-gp/\"\$tool\" --reader \"\$reader\"}")
}
each_example() {
    local line n=0
    while read -r line; do
        n=$((n + 1))
        check "man: $line" run_example "$line"
    done < <(examples)
    check "the man page has examples" test "$n" -ge 10
}
options_are_documented() {
    local option bad=0
    while read -r option; do
        grep -q -- "Fl -$option" docs/man/mintmark-gp.1 || { echo "man page: --$option"; bad=1; }
        grep -q -- "--$option" docs/completion/mintmark-gp || { echo "completion: --$option"; bad=1; }
    done < <(grep -oE '^MM_GP_OPTION\([A-Z0-9_]+, *"[a-z0-9-]+"' host_client/gptool/options.def | cut -d'"' -f2)
    return "$bad"
}
commands_are_documented() {
    local command bad=0
    while read -r command; do
        grep -qE -- "^\.It (Cm )?.*Cm $command|^\.It Cm $command" docs/man/mintmark-gp.1 ||
            { echo "man page: $command"; bad=1; }
        grep -qw -- "$command" docs/completion/mintmark-gp || { echo "completion: $command"; bad=1; }
    done < <(grep -oE '^MM_GP_COMMAND\("[a-z-]+"' host_client/gptool/commands.def | cut -d'"' -f2)
    return "$bad"
}

# ---- a token ----
module=$(find /usr/lib -name libsofthsm2.so 2>/dev/null | head -n 1)
make_token() {
    export SOFTHSM2_CONF="$work/softhsm.conf"
    mkdir -p "$work/tokens"
    echo "directories.tokendir = $work/tokens" >"$SOFTHSM2_CONF"
    softhsm2-util --init-token --free --label issuer --pin 1234 --so-pin 12345678 &&
        printf '@ABCDEFGHIJKLMNO' >"$work/test.key" && # 40..4F
        pkcs11-tool --module "$module" --token-label issuer --login --pin 1234 --write-object "$work/test.key" \
            --type secrkey --key-type AES:16 --label card --usage-sign --sensitive &&
        (umask 077 && echo 1234 >"$work/pin")
}
token() {
    "$tool" --reader "$reader" --pkcs11 "pkcs11:token=issuer;object=card?module-path=$module" \
        --pin-file "$work/pin" "$@"
}

# ---- the library, as make install puts it: into a staging folder, for another prefix ----
stage="$work/stage"
sanitize=
case $build in */san*) sanitize=address,undefined ;; esac # then there is no shared one
install_library() {
    make --no-print-directory BUILD="$build" SAN="$sanitize" DESTDIR="$stage" PREFIX=/opt/mintmark install-library
}
# flags [OPTION...]: what pkg-config says of the library that was staged
flags() {
    PKG_CONFIG_PATH="$stage/opt/mintmark/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage" pkg-config "$@" mintmark-gp
}
compile_example() { # NAME OUTPUT FLAG...
    "${CC:-cc}" -std=c11 -Wall -Wextra -Werror ${sanitize:+"-fsanitize=$sanitize"} -o "$2" \
        "$stage/opt/mintmark/share/doc/mintmark/examples/$1.c" "${@:3}"
}
# shellcheck disable=SC2046 # the flags are words
compile_shared() { compile_example card_list "$work/card_list" $(flags --cflags --libs); }
# shellcheck disable=SC2046
compile_static() { # NAME
    compile_example "$1" "$work/$1_static" $(flags --cflags) "$stage/opt/mintmark/lib/libmintmark-gp.a" \
        $(flags --libs-only-l --libs-only-other --static | sed 's/-lmintmark-gp//')
}
card_list() { LD_LIBRARY_PATH="$stage/opt/mintmark/lib" "$work/card_list" "$@"; }
uses_the_soname() {
    readelf -d "$work/card_list" | grep -q 'NEEDED.*\[libmintmark-gp\.so\.0\]' &&
        readelf -d "$stage/opt/mintmark/lib/libmintmark-gp.so" | grep -q 'SONAME.*\[libmintmark-gp\.so\.0\]'
}
# What the header declares, no more and no less, is what both libraries offer.
only_its_own_names() {
    local lib="$stage/opt/mintmark/lib"
    grep -oE '\bmintmark_gp_[a-z0-9_]+\(' "$stage/opt/mintmark/include/mintmark_gp.h" | tr -d '(' | sort -u >"$work/declared"
    nm -g --defined-only "$lib/libmintmark-gp.a" | awk 'NF == 3 { print $3 }' | sort -u | diff "$work/declared" - || return 1
    [ -n "$sanitize" ] || nm -D --defined-only "$lib/libmintmark-gp.so" | awk '{ print $3 }' | sort -u | diff "$work/declared" -
}
moved() { token list | grep -A 2 -F F04D494E544D41524B1101 | grep -q 'in  *F0000000AA'; }

check "every option is in the man page and in the completion" options_are_documented
check "every command is in the man page and in the completion" commands_are_documented
check "a chip is made" "$bin/mintmark-chip" init test
check "it is in the reader" chip_start test
# A terminal of its own, so that the program asks and draws. What is typed comes from standard input.
at_a_terminal() {
    script -qec "$(printf '%q ' "$tool" --reader "$reader" --test-keys "$@")" /dev/null
}
declined() {
    echo n | at_a_terminal delete --deps transit-package
}
check "a terminal sees a progress bar" says "[####" at_a_terminal install "$build/applets/transit.cap"
check "and is asked before anything is deleted" says "Go on? [y/N]" declined
no_bar() { ! at_a_terminal lock transit | tee "$work/bar" | grep -F '[#' && at_a_terminal unlock transit; }
check "one command draws no bar" no_bar
check "a command's own options are a --help away" says "--cipher-key" "$tool" install --help
check "a refusal says what it most often means" refuses 5 "list shows what is" "$tool" --reader "$reader" --test-keys --yes \
    delete F0F0F0F0F0
check "so does a package that is there already" refuses 5 "install --force" "$tool" --reader "$reader" --test-keys \
    install "$build/applets/transit.cap"
# purse.ijc: the components one after the other; later.ijc: the same, made for javacard.framework 1.8.
load_files() {
    unzip -p "$build/applets/purse.cap" '*.cap' >"$work/purse.ijc" &&
        LC_ALL=C sed 's/\x06\x01\x07\xA0\x00\x00\x00\x62\x01\x01/\x08\x01\x07\xA0\x00\x00\x00\x62\x01\x01/' \
            "$work/purse.ijc" >"$work/later.ijc"
}
check "there are load files" load_files
check "a package for a later Java Card is refused, with the version it needs" \
    refuses 5 "A0000000620101 1.8 is not here; 1.6 is here [import]" "$tool" --reader "$reader" --test-keys install "$work/later.ijc"
check "a load file is installed as it is" "$tool" --reader "$reader" --test-keys install "$work/purse.ijc"
check "and deleted again" "$tool" --reader "$reader" --test-keys --yes delete --deps purse-package
check "a key file that is not there is named" refuses 1 "none.pem: No such file" "$tool" --reader "$reader" --test-keys \
    put-key --public-key "$work/none.pem"
check "a no changes nothing" says F04D494E544D41524B1101 "$tool" --reader "$reader" --test-keys list
check "a dry run needs no keys and no card" says "80CA006600" "$tool" --reader "tcp:127.0.0.1:1" --dry-run info
# ---- what a dry run knows ----
dry() { "$tool" --reader "tcp:127.0.0.1:1" --dry-run "$@"; }
# prints LINE COMMAND...: the output has this line, where a blank stands for any bytes in between.
prints() {
    local line=$1 out
    shift
    out=$("$@") && printf '%s\n' "$out" && grep -qE -- "^${line// /.*}\$" <<<"$out"
}
unknown() { printf "%0$(($1 * 2))d" 0 | tr 0 '?' | sed 's/?/[?]/g'; }
dry_keys() {
    local each
    each="881110$(unknown 16)033544E0"
    prints "# 80D8[?][?]814630$each$each${each}00  # PUT_KEY; [?][?] depends on the card" \
        dry put-keys --new-key-file "$work/examples/master.key"
}
dry_derived() {
    local row each
    for row in "16 46 881110" "24 76 882118" "32 76 882120"; do
        # shellcheck disable=SC2086 # three words
        set -- $row
        (umask 077 && printf "%0$(($1 * 2))d\n" 0 >"$work/long.master")
        each="$3$(unknown $((($1 + 15) / 16 * 16)))03$(unknown 3)"
        prints "# 80D80081${2}30$each$each${each}00  # PUT_KEY;.*" \
            dry --test-keys put-keys --add --new-diversify kdf3 --new-key-file "$work/long.master" || return 1
    done
}
check "the files of the examples" prepare_examples
check "a dry run of put-keys marks what only the card knows" dry_keys
check "with keys in hand nothing of it is unknown" says "80D8008146308811104533BFD23699FC7C142D20BB1A4A191F033544E08811" dry --test-keys put-keys --add \
    --new-key-file "$work/examples/master.key"
check "keys derived for the card are unknown, with their check values" dry_derived
check "an unencrypted public key is known" says "80D8000148" dry put-key --public-key "$work/examples/dap.pub"
check "encrypted groups are unknown" prints "# 80E2E80013007010$(unknown 16)00  # STORE_DATA; [?][?] depends on the card" \
    dry store-data --dgi --encrypt 0070054203010203
check "over SCP02 they have other blocks" prints "# 80E2E8000B007008$(unknown 8)00  # STORE_DATA.*" \
    dry --scp 02 store-data --dgi --encrypt 0070054203010203
# ---- groups under the DEK ----
stored() {
    "$@" store-data --dgi --encrypt 0070054203A1B2C3 && says 4203A1B2C39000 "$@" apdu 80CA004200 | sed 's/ //g' | grep -q 4203A1B2C39000
}
check "groups go under the DEK" stored "$tool" --reader "$reader" --test-keys
check "whole blocks that are not padded are not what the card's domain takes" refuses 5 "6A80" "$tool" --reader "$reader" --test-keys \
    store-data --dgi --encrypt --no-padding 0070104203A1B2C30000000000000000000000
check "--encrypt without --dgi is wrong usage" refuses 2 "goes with --dgi" "$tool" --reader "$reader" --test-keys store-data --encrypt 4201A1
check "the package goes with --yes" "$tool" --reader "$reader" --test-keys --yes delete --deps transit-package
check "a token with the card's key, which it does not give out" make_token
check "a session whose keys are in the token" says OP_READY token list
check "content management with it" token install "$build/applets/transit.cap"
check "and with every response encrypted" says SELECTABLE token --security all list
check "a wrong PIN is said" refuses 1 "PIN" env MINTMARK_GP_PIN=9999 "$tool" --reader "$reader" \
    --pkcs11 "pkcs11:token=issuer;object=card?module-path=$module" list
check "so is a key that is not there" refuses 1 "no secret key" env MINTMARK_GP_PIN=1234 "$tool" --reader "$reader" \
    --pkcs11 "pkcs11:token=issuer;object=other?module-path=$module" list
check "a domain is made" token create-domain F0000000AA --privileges dap-verification
check "and listed as what it is" says "dap-verification" token list
check "an application moves there" token move transit F0000000AA
check "which can be seen" moved
check "a session with the domain, by the issuer's keys" token --connect F0000000AA list
check "a domain in use is not deleted" refuses 5 "DELETE: 6985" token --yes delete F0000000AA
check "the package goes" token --yes delete --deps transit-package
check "and then the domain" token --yes delete F0000000AA
# ---- other keys than AES-128 ----
put_new() {
    "$tool" --reader "$reader" --key-file "$work/new.key" --key-version "$1" "${@:2}"
}
new_keys() {
    (umask 077 && echo 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F >"$work/long.key" &&
        echo 101112131415161718191A1B1C1D1E1F >"$work/new.key")
}
check "the library is installed" install_library
check "with the names of its header and no others" only_its_own_names
check "its example compiles with the static one" compile_static card_list
check "and lists the card" says "entries" "$work/card_list_static" "$reader" 404142434445464748494A4B4C4D4E4F
check "wrong keys are status 6" refuses 6 "cryptogram" "$work/card_list_static" "$reader" 00112233445566778899AABBCCDDEEFF
check "no card is status 4" refuses 4 "no chip image" "$work/card_list_static" "chip:$work/none.nvm"
if [ -z "$sanitize" ]; then
    check "its example compiles with the shared one" compile_shared
    check "whose soname it has" uses_the_soname
    check "and lists the card" says "entries" card_list "$reader" 404142434445464748494A4B4C4D4E4F
fi
each_example
signed() {
    signature=$("$tool" sign --dap-key "$work/examples/dap.pem" "$build/applets/transit.cap" | cut -d ' ' -f 1) &&
        managed install --domain F0000000DA --dap-domain F0000000DA --dap-signature "$signature" "$build/applets/transit.cap"
}
managed() { "$tool" --reader "$reader" --key-file "$work/examples/master.key" --diversify kdf3 "$@"; }
delegate() {
    "$tool" --reader "$reader" --key-file "$work/examples/domain.key" -c F0000000DD --token-key "$work/examples/token.pem" "$@"
}
check "what the examples loaded goes" managed --yes delete --deps purse-package transit-package
check "a package without the domain's signature is refused" refuses 5 "INSTALL [for load]: 6A80" \
    managed install --domain F0000000DA "$build/applets/transit.cap"
check "so is one that another key signed" refuses 5 "LOAD: 6982" managed install --domain F0000000DA \
    --dap-domain F0000000DA --dap-key "$work/examples/token.pem" --rsa pkcs1 "$build/applets/transit.cap"
check "a signature made before is as good" signed
check "it goes" managed --yes delete --deps transit-package
signed_elsewhere() {
    "$tool" hash "$build/applets/transit.cap" | cut -d ' ' -f 1 | xxd -r -p >"$work/hash" &&
        signature=$(openssl dgst -sha256 -sign "$work/examples/dap.pem" "$work/hash" | xxd -p | tr -d '\n') &&
        managed install --domain F0000000DA --dap-domain F0000000DA --dap-signature "$signature" "$build/applets/transit.cap"
}
check "so is openssl's, which is DER" signed_elsewhere
check "that goes as well" managed --yes delete --deps transit-package
# ---- an upgrade that the new version refuses ----
wallet() { managed --yes "$1" "${@:2}"; }
wallet_again() {
    managed --yes delete --deps F04D494E544D41524BAB &&
        managed install --applet F04D494E544D41524BAB01 --params E1 "$work/examples/wallet-1.cap"
}
gone() { ! says F04D494E544D41524BAB managed list; }
check "a wallet whose new version will not be installed" wallet_again
check "is not upgraded without a word" refuses 2 "say --yes" managed upgrade "$work/examples/wallet-2.cap" </dev/null
check "nor with one" refuses 5 "upgrade-recover" wallet upgrade "$work/examples/wallet-2.cap"
check "the card remembers" says '"status": 4' managed --json upgrade-status
check "and tries again" refuses 5 "MANAGE_ELF_UPGRADE" managed upgrade-resume
check "the old version comes back" says completed managed upgrade-recover "$work/examples/wallet-1.cap"
check "as it was" says "1.0" managed list
check "another package is none of it" refuses 5 "list shows what is" wallet upgrade "$build/applets/transit.cap"
check "it is refused once more" refuses 5 "upgrade-recover" wallet upgrade "$work/examples/wallet-2.cap"
check "recovery without a file waits for one" says "waiting for the package" managed upgrade-recover
check "so does a resume" refuses 2 "say which file" managed upgrade-resume
check "and takes no other" refuses 2 "waits for package F04D494E544D41524BAB" managed upgrade-resume "$build/applets/transit.cap"
check "giving up asks as well" refuses 2 "say --yes" managed upgrade-abort </dev/null
check "and leaves nothing" wallet upgrade-abort
check "of it" gone
check "a token key, longer than one command holds" managed put-key --public-key "$work/examples/token.pub" --new-version 70
check "a domain for delegated management" managed create-domain F0000000DD --privileges delegated-management
check "with keys of its own" managed -c F0000000DD put-keys --new-key-file "$work/examples/domain.key" --new-version 01
check "loads nothing without a token" refuses 5 "INSTALL [for load]: 6985" "$tool" --reader "$reader" \
    --key-file "$work/examples/domain.key" -c F0000000DD install "$build/applets/transit.cap"
check "but with one" delegate install "$build/applets/transit.cap"
check "and deletes with one" delegate --yes delete --deps transit-package
receipt_keys() {
    (umask 077 && cd "$work/examples" && echo 0F0E0D0C0B0A09080706050403020100 >receipt.key &&
        echo 000102030405060708090A0B0C0D0E0F >other.key) &&
        managed put-key --new-key-file "$work/examples/receipt.key" --new-version 71
}
receipts() { delegate --receipt-key "$work/examples/${1:-receipt.key}" "${@:2}"; }
each_is_verified() {
    receipts receipt.key --json install "$build/applets/transit.cap" >"$work/receipts" &&
        jq -e '[.confirmations[] | .verified and (.receipt | length) == 32 and (.card | startswith("42"))] == [true, true]' \
            "$work/receipts" && jq -e '[.confirmations[].command] == ["LOAD", "INSTALL [for install and make selectable]"]' "$work/receipts"
}
des_receipt() {
    managed put-key --new-key-file "$work/examples/other.key" --new-type des --new-version 71 --replace 71 &&
        says "DELETE, verified" receipts other.key --yes delete transit
}
check "a receipt that was demanded and does not come is status 3" refuses 3 "no receipt came" receipts domain.key \
    install --load-only "$build/applets/transit.cap"
check "the package goes" delegate --yes delete transit-package
check "a receipt key" receipt_keys
check "the receipts of an installation are verified" each_is_verified
check "so is that of a registry update" says "verified" receipts receipt.key registry-update transit --privileges 00
check "a DES key's as well" des_receipt
check "a receipt of another key is status 3" refuses 3 "DELETE was carried out, but: the receipt is wrong" receipts receipt.key \
    --yes delete transit-package
check "without a key it is shown" says "not verified (no --receipt-key)" delegate install --load-only "$build/applets/transit.cap"
check "an extradition's names the domain before" says "INSTALL [for extradition], verified" \
    receipts other.key move transit-package A000000151000000
check "the package goes once more" managed --yes delete transit-package
# ---- a domain that takes ciphered load files only, with everything else a load can have ----
ciphering() { "$tool" --reader "$reader" --key-file "$work/examples/domain.key" -c F0000000DC "$@"; }
ciphered() { ciphering --token-key "$work/examples/token.pem" "$@"; }
ciphered_install() {
    ciphered --receipt-key "$work/examples/other.key" --dap-domain F0000000DC --dap-key "$work/examples/dap.pem" install \
        "$build/applets/transit.cap" --cipher-key "$@"
}
a_ciphered_domain() {
    managed create-domain F0000000DC --privileges delegated-management,dap-verification,ciphered-load-file &&
        managed -c F0000000DC put-keys --new-key-file "$work/examples/domain.key" --new-version 01 &&
        ciphering put-key --public-key "$work/examples/dap.pub" && (umask 077 && echo 404142434445464748494A4B4C4D4E4F >"$work/cipher.key") &&
        ciphering put-key --new-key-file "$work/cipher.key" --new-version 75
}
check "a domain that takes ciphered load files" a_ciphered_domain
check "takes one with hash, token, DAP and receipts" says "LOAD, verified" ciphered_install "$work/cipher.key"
check "its applet is installed" says SELECTABLE ciphering list
check "and goes" ciphered --yes delete --deps transit-package
check "with a key in a token" says "LOAD, verified" ciphered_install \
    "pkcs11:token=issuer;object=card?module-path=$module" --pin-file "$work/pin"
check "it goes as well" ciphered --yes delete --deps transit-package
check "another key's load file is refused" refuses 5 "LOAD: 6A80" ciphered_install "$work/examples/other.key"
check "a plain one as well" refuses 5 "LOAD: 6985" ciphered --dap-domain F0000000DC --dap-key "$work/examples/dap.pem" \
    install "$build/applets/transit.cap"
check "the keys are the derived ones" refuses 1 "not tried" "$tool" --reader "$reader" --test-keys list
check "the chip stops" chip_stop

check "a second chip is made" "$bin/mintmark-chip" init second
check "and is in the reader" chip_start second
check "new keys are made" new_keys
check "DES keys replace the first ones" "$tool" --reader "$reader" --test-keys put-keys --new-key-file "$work/new.key" --new-type des --new-version 20
check "the card is managed over SCP02 then" says "C00401208010" put_new 20 --scp 02 apdu 80CA00E000
check "groups go under the DEK of SCP02" stored put_new 20
check "and loads over it" put_new 20 install "$build/applets/transit.cap"
check "SCP03 is not its protocol" refuses 1 "are for SCP02" put_new 20 --scp 03 list
check "AES-256 keys come beside" put_new 20 put-keys --new-key-file "$work/long.key" --new-type aes --new-version 31 --add
check "and open SCP03" says LOADED "$tool" --reader "$reader" --key-file "$work/long.key" --key-version 31 --security all list
check "the package goes again" put_new 20 --yes delete --deps transit-package
check "the second chip stops" chip_stop

# ---- SCP11 ----
scp11() { # VARIANT [ARG...]: with the host's files, which variant b has none of
    local variant=$1 files=(--oce-key "$work/examples/host.key" --oce-cert "$work/examples/host.pem")
    [ "$variant" = b ] && files=()
    "$tool" --reader "$reader" --scp11 "$variant" "${files[@]}" "${@:2}"
}
card_key=(--card-key "$work/examples/card.pem")
own_keys() {
    local id
    "$tool" --reader "$reader" --test-keys put-key --public-key "$work/examples/hosts-ca.pem" --key-id 10 --new-version 21 || return 1
    for id in 11 13 15; do
        "$tool" --reader "$reader" --test-keys put-key --private-key "$work/examples/card.key" --key-id "$id" --new-version 21 || return 1
    done
    "$tool" --reader "$reader" --test-keys put-certificates "$work/examples/card.pem" --key-id 11 --new-version 21
}
leaf_last() { # a chain of GlobalPlatform's or X.509 may be in either order
    cat "$work/examples/hosts-ca.pem" "$work/examples/host.pem" >"$work/chain.pem" &&
        says OP_READY "$tool" --reader "$reader" --scp11 a --oce-key "$work/examples/host.key" --oce-cert "$work/chain.pem" "${card_key[@]}" list &&
        cat "$work/examples/host.pem" "$work/examples/hosts-ca.pem" >"$work/chain.pem" &&
        says OP_READY "$tool" --reader "$reader" --scp11 a --oce-key "$work/examples/host.key" --oce-cert "$work/chain.pem" "${card_key[@]}" list
}
for i in 60 61; do
    s16=()
    [ "$i" = 61 ] && s16=(--s16)
    check "a chip of SCP03 i=$i is made" "$bin/mintmark-chip" init "scp11-$i" --scp "03:$i"
    check "and is in the reader" chip_start "scp11-$i"
    check "it gets keys and a certificate for SCP11" own_keys
    check "a host manages it by a" says OP_READY scp11 a "${card_key[@]}" "${s16[@]}" list
    check "and by c, with C-MAC and R-MAC" scp11 c "${card_key[@]}" "${s16[@]}" --security mac+rmac install "$build/applets/transit.cap"
    check "by b it sees and changes nothing" refuses 5 "6982" scp11 b "${card_key[@]}" "${s16[@]}" list
    check "the card shows its certificate" says SELECTABLE scp11 a --ca-cert "$work/examples/cards-ca.pem" "${s16[@]}" list
    check "the package goes" scp11 a "${card_key[@]}" "${s16[@]}" --yes delete --deps transit-package
    check "which is of nobody else" refuses 1 "not of that authority" scp11 a --ca-cert "$work/examples/hosts-ca.pem" "${s16[@]}" list
    check "new keys are put beside it" scp11 a "${card_key[@]}" "${s16[@]}" put-keys --new-key-file "$work/new.key" --new-version 01
    check "and open SCP03" says OP_READY "$tool" --reader "$reader" --key-file "$work/new.key" list
    [ "$i" = 60 ] && check "certificates come in either order" leaf_last
    check "the chip of SCP11 stops" chip_stop
done
check "the library's example compiles" compile_static card_scp11
check "a chip for it is in the reader" chip_start scp11-60
check "it manages the card" says "entries" "$work/card_scp11_static" "$reader" "$work/examples/host.key" "$work/examples/host.pem" "$work/examples/cards-ca.pem"
check "another card's authority is status 6" refuses 6 "not of that authority" "$work/card_scp11_static" "$reader" "$work/examples/host.key" \
    "$work/examples/host.pem" "$work/examples/hosts-ca.pem"
check "a certificate the card does not know is status 5" refuses 5 "6982" "$work/card_scp11_static" "$reader" "$work/examples/host.key" \
    "$work/examples/card.pem" "$work/examples/cards-ca.pem"
check "the chip stops again" chip_stop
check "keys and certificates are not mixed" refuses 2 "choose one" scp11 a "${card_key[@]}" --test-keys list
install -m 644 "$work/examples/host.key" "$work/examples/host.pem.all"
check "a key that others may read is not taken" refuses 2 "chmod 600" "$tool" --reader "$reader" --scp11 a --oce-key "$work/examples/host.pem.all" \
    --oce-cert "$work/examples/host.pem" "${card_key[@]}" list
check "no host's files for b" refuses 2 "the host is nobody" "$tool" --reader "$reader" --scp11 b --oce-key "$work/examples/host.key" "${card_key[@]}" list

# A chip that loses power at the end of a load.
torn() {
    chip_verb=tear
    chip_start third --at 3
    chip_verb=run
}
interrupted() {
    "$tool" --reader "$reader" --test-keys install "$build/applets/transit.cap"
}
check "a third chip is made" "$bin/mintmark-chip" init third
check "and will lose power" torn
check "a card that goes away in the middle is said, and where it was" refuses 4 "of 12: LOAD:" interrupted
check "the chip ended so" status 99 wait "$chip_pid"
check "it comes back" chip_start third
check "with nothing half done" "$tool" --reader "$reader" --test-keys install "$build/applets/transit.cap"
check "the third chip stops" chip_stop
tap_end
