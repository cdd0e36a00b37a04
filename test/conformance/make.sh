#!/usr/bin/env bash
# Make the conformance tables of docs/conformance.md anew from the tests, of which those of the API are run:
#     test/conformance/make.sh BUILD           print them
#     test/conformance/make.sh BUILD --write   put them into docs/conformance.md
# Exit status 1 when a row has no test; the rows are named on standard error.
set -u -o pipefail
build=${1:?usage: make.sh BUILD [--write]}
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-conformance.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
here=test/conformance
mark='<!-- the conformance table: made by make conformance -->'

mapfile -t firewall < <(git ls-files "*/firewall.def")
mapfile -t sources < <(find test/unit/data -name '*.java' | LC_ALL=C sort)
"${JAVAC:-javac}" --release 8 -g -nowarn -Xlint:-options -encoding UTF-8 -cp "$build/api/classes" \
    -d "$tmp/data" "${sources[@]}" || exit 1
mapfile -t classes < <(find "$tmp/data" "$build/applets/classes" -name '*.class' | LC_ALL=C sort)
awk -f $here/c_tests.awk test/unit/*.h test/unit/test_*.c | LC_ALL=C sort >"$tmp/facts"
javap -p -c -s -cp "$build/api/classes" "${classes[@]}" | awk -f $here/java_tests.awk >>"$tmp/facts" ||
    exit 1
# Run the unit tests of the API and note what each saw thrown.
tell_thrown() {
    local test
    for test in test/unit/test_api_*.c; do
        test=${test##*/}
        MINTMARK_TELL_THROWS=1 "$build/test/${test%.c}" >"$tmp/run" 2>&1 ||
            { echo "${test%.c} fails, or is not built (make unit_tests)" >&2; return 1; }
        awk -v file="$test" -v OFS='\t' \
            '/^\[ RUN /{test = $NF} /^THROWN /{print "THROWN", file, test, $2, $3, $4, $5, $6}' "$tmp/run"
    done
}
tell_thrown >"$tmp/thrown" || exit 1
awk -f $here/table.awk applet_vm/cap/opcodes.def applet_vm/api/natives.def "${firewall[@]}" \
    $here/not_offered.tsv applet_vm/api/api_305.tsv applet_vm/api/api_gp.tsv test/unit/test_vm_opcodes.c "$tmp/facts" >"$tmp/table"
status=$?
LC_ALL=C sort -u "$tmp/thrown" >"$tmp/thrown.sorted"
awk -f $here/throws.awk applet_vm/api/natives.def applet_vm/api/api_305.tsv applet_vm/api/api_gp.tsv \
    $here/throws.tsv "$tmp/thrown.sorted" >>"$tmp/table" || status=1
if [ "${2:-}" = --write ]; then
    sed "/^$mark/,\$d" docs/conformance.md >"$tmp/page" &&
        { cat "$tmp/page"; echo "$mark"; cat "$tmp/table"; } >docs/conformance.md
else
    cat "$tmp/table"
fi
exit $status
