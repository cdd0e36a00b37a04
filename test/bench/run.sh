#!/usr/bin/env bash
# All measurements in one run; prints Markdown for docs/measurements.md.    test/bench/run.sh BUILD
set -u
build=${1:?usage: run.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
home=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-bench.XXXXXX")
trap 'rm -rf "$home"' EXIT

echo "Machine: $(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(${CC:-gcc} --version | head -n 1)"
echo
echo "## Bytecodes (test/bench/bench_vm), beside Lua 5.4 where it is installed (test/bench/loops.lua)"
if command -v lua5.4 >/dev/null; then lua5.4 test/bench/loops.lua >"$home/lua"; fi
"$build/bench/bench_vm" "$home/lua"
echo
echo "## Cryptography, native call against OpenSSL's (test/bench/bench_crypto)"
"$build/bench/bench_crypto"
echo
echo "## APDUs to an applet in process, deletion of objects (test/bench/bench_applet)"
"$build/bench/bench_applet" "$build/applets/bench.cap"
echo
echo "## Power-on of an image with ten packages, memory (test/bench/start.sh)"
test/bench/start.sh "$build" "$home"
echo
echo "## Verification of packages by size (test/bench/bench_verify)"
"$build/bench/bench_verify"
echo
echo "## Loading over SCP03 in process, beside its AES (test/bench/bench_load)"
test/bench/package.sh "$build" "$home/load" 200 &&
    "$build/bin/mintmark-convert" --classes "$home/load/cls" --output "$home/many.cap" &&
    "$build/bench/bench_load" "$home/many.cap"
echo
echo "## Converter (test/bench/convert.sh)"
test/bench/convert.sh "$build"
echo
echo "## APDUs in process (test/bench/bench_apdu)"
"$build/bin/mintmark-chip" --home "$home" init bench >/dev/null || exit 1
"$build/bench/bench_apdu" --count 200000 --apdu 80CA004500 "chip:$home/chip/bench.nvm"
echo
echo "## APDUs through pcscd and vpcd, beside an echo card in the second slot (test/bench/link.sh)"
test/system/with-reader.sh test/bench/link.sh "$build"
echo
echo "## Lines of code (C, headers, lists, Java; without blank lines)"
for part in apdu_spec applet_vm converter applets host_client trust_agent platform test; do
    printf '%-12s %6d\n' "$part" "$(git ls-files "$part" | grep -E '\.(c|h|def|java|awk|mk|sh)$' |
        xargs cat | grep -c '[^[:space:]]')"
done
