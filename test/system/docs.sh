#!/usr/bin/env bash
# Documents agree with the programs: man pages are well formed, name every option of --help, and derived
# pages are as their sources make them.     test/system/docs.sh BUILD
set -u
build=${1:?usage: docs.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh

page_of() {
    local page
    for page in docs/man/"$1".[18]; do
        if [ -e "$page" ]; then echo "$page"; return 0; fi
    done
    echo "no man page for $1"
    return 1
}
man_is_clean() {
    local page
    page=$(page_of "$1") || return 1
    mandoc -Tlint -Wwarning "$page"
}
options_are_in_man() {
    local page option bad=0
    page=$(page_of "$1") || return 1
    mandoc -Tutf8 "$page" | sed 's/.\x08//g' >"$work/page"
    for option in $("$bin/$1" --help 2>&1 | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
        grep -qF -- "$option" "$work/page" || { echo "$page: $option is in --help only"; bad=1; }
    done
    return "$bad"
}
help_and_version() {
    "$bin/$1" --help >"$work/help" && [ -s "$work/help" ] && "$bin/$1" --version | grep -q '0\.1\.0'
}
apdu_page_is_current() {
    awk -f apdu_spec/apdu_md.awk apdu_spec/aid.def apdu_spec/ins.def apdu_spec/sw.def apdu_spec/errors.def | diff - docs/apdu.md
}
# Each error that is listed has its test, which `make` builds from the same list and which passes.
errors_have_their_tests() {
    local test bad=0
    "$build/test/test_card_errors" >"$work/errors" 2>&1 || bad=1
    while read -r test; do
        grep -q "OK \] $test\$" "$work/errors" || { echo "$test: no test of that name passes"; bad=1; }
    done < <(sed -n 's/^MM_GP_ERROR(.*[^a-z_0-9]\([a-z_0-9]*\))$/\1/p' apdu_spec/errors.def)
    return "$bad"
}
# Every row has a test, and the page says which.
conformance_table_is_current() {
    test/conformance/make.sh "$build" >"$work/table" &&
        sed '1,/^<!-- the conformance table:/d' docs/conformance.md | diff - "$work/table"
}
headers_stand_alone() {
    make --no-print-directory check-headers
}

for path in "$bin"/mintmark-*; do
    name=${path##*/}
    check "$name --help and --version answer" help_and_version "$name"
    check "$name refuses an unknown option with status 2" status 2 "$path" --no-such-option
    check "$name has a well-formed man page" man_is_clean "$name"
    check "$name: every option of --help is in the man page" options_are_in_man "$name"
    check "$name has a bash completion" test -s "docs/completion/$name"
done
check "shell scripts pass shellcheck" shellcheck -x test/system/*.sh test/card/*.sh test/bench/*.sh test/conformance/*.sh .ci/run
check "docs/apdu.md is as apdu_spec makes it" apdu_page_is_current
check "each error of apdu_spec/errors.def has a test that provokes it" errors_have_their_tests
check "docs/conformance.md has the table that the tests make, each row with a test" conformance_table_is_current
check "every header stands alone" headers_stand_alone
tap_end
