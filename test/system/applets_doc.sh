#!/usr/bin/env bash
# docs/applets.md is true: its files are written and its commands run as a new user would, in an empty
# folder, and what it says comes out does.     test/system/applets_doc.sh BUILD
set -u
build=${1:?usage: applets_doc.sh BUILD}
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/system/lib.sh
. test/system/lib.sh

# The document as one shell script: a block that "Put this into `name`" stands before is that file, a
# block of commands is run, any other block is what those commands print. /tmp is a folder of ours.
script() {
    awk -v build="$build" -v tmp="$work" '
        function say(line) { print line }
        function close_block() {
            if (kind == "file") say("MM_END")
            if (kind == "cmd") say("} >" tmp "/said 2>&1 || { cat " tmp "/said; exit 1; }")
            kind = ""
        }
        function quoted(line) { gsub("\047", "\047\\\047\047", line); return "\047" line "\047" }
        /Put this into/ { wanted = 1 }
        wanted && match($0, /`[^`]+`:|`[^`]+`$/) {
            name = substr($0, RSTART + 1, RLENGTH - 2)
            sub(/`$/, "", name)
            wanted = 0
        }
        /^```/ {
            if (kind == "file") { close_block(); next }
            kind = "file"
            say("mkdir -p \"$(dirname " name ")\" && cat >" name " <<\047MM_END\047")
            name = ""
            next
        }
        kind == "file" && !indented { say($0); next }
        /^    / {
            line = substr($0, 5)
            gsub("/tmp", tmp, line)
            gsub("build/release", build, line)
            if (kind == "") {
                indented = 1
                kind = name != "" ? "file" : line ~ /^(export|mkdir|mintmark-)/ ? "cmd" : "out"
                if (kind == "file") say("cat >" name " <<\047MM_END\047")
                if (kind == "cmd") say("{")
                name = ""
            }
            if (kind == "cmd") say(line " || exit 1")
            else if (kind == "file") say(line)
            else say("grep -qF -- " quoted(line) " " tmp "/said || { echo missing: " quoted(line) "; cat " tmp "/said; exit 1; }")
            next
        }
        { if (indented) { close_block(); indented = 0 } }
        END { close_block() }' docs/applets.md
}

play() {
    script >"$work/doc.sh" && grep -q 'mintmark-gp' "$work/doc.sh" && bash "$work/doc.sh"
}

check "docs/applets.md: from an empty folder to a payment, as it says" play
check "it leaves an applet that a card loads" "$bin/mintmark-convert" verify "$work/stamps/stamps.cap"
tap_end
