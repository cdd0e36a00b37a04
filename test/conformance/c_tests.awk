# What each unit test reaches: one line "PROVES <word> <file> <test>" for every name of a native (mm_n_...)
# and every word in double quotes that begins with "firewall " that the text of a test function, or of a
# helper, table or macro it uses, mentions.
#   awk -f c_tests.awk test/unit/*.h test/unit/test_*.c
# An item is whatever stands at the left margin: a function, a variable, a macro. A test is a
# function of cmocka's signature. Items of a header count for the files that include it.

function short_name(path) { sub(/.*\//, "", path); return path }
function finish() { item = "" }
function begin(name) {
    item = FILENAME SUBSEP name
    if (!(item in text)) { names[FILENAME] = names[FILENAME] " " name }
    text[item] = text[item] " "
}
# Add the words of a line to the current item.
function take(line,   w, quoted, rest) {
    rest = line
    while (match(rest, /"firewall [^"]*"/)) {
        quoted = substr(rest, RSTART + 1, RLENGTH - 2)
        gsub(/ /, "\034", quoted)
        text[item] = text[item] quoted " "
        rest = substr(rest, RSTART + RLENGTH)
    }
    while (match(line, /[A-Za-z_][A-Za-z_0-9]*/)) {
        w = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        if (index(text[item], " " w " ") == 0) text[item] = text[item] w " "
    }
}

FNR == 1 { finish(); macro = 0; files[++file_n] = FILENAME }
/^#include "test\/unit\// {
    split($0, part, "\"")
    includes[FILENAME] = includes[FILENAME] " " part[2]
    next
}
macro { take($0); macro = /\\$/; if (!macro) finish(); next }
/^#define [A-Za-z_]/ {
    split($2, part, "(")
    begin(part[1])
    take($0)
    macro = /\\$/
    if (!macro) finish()
    next
}
item == "" && /^[A-Za-z].*[\(=\[{]/ && !/\);[ \t]*$/ {
    name = $0
    sub(/[ \t]*[=({\[].*/, "", name)
    sub(/.*[ \t*]/, "", name)
    begin(name)
    opened = /{/
    if (/^static void [a-z_A-Z0-9]+\(void \*\*state\)/) tests[FILENAME] = tests[FILENAME] " " name
    take($0)
    if (/;[ \t]*$/) finish()
    next
}
# "static const struct {...} rows[] = {": the rows are an item of their own.
item != "" && /^} *[A-Za-z_].*= *\{/ {
    name = $0
    sub(/^} */, "", name)
    sub(/[ \[=].*/, "", name)
    begin(name)
    opened = 1
    take($0)
    if (/;[ \t]*$/) finish()
    next
}
item != "" {
    take($0)
    if (/{/) opened = 1
    if (/^}/ || (!opened && /;[ \t]*$/)) finish()
}

# Everything that item name of file reaches, into found[]; seen[] stops cycles.
function reach(file, name,   key, n, i, words, inc, m, k) {
    key = file SUBSEP name
    if (!(key in text)) {
        m = split(includes[root], inc, " ")
        for (k = 1; k <= m; k++)
            if (inc[k] != file && ((inc[k] SUBSEP name) in text)) { reach(inc[k], name); return }
        return
    }
    if (key in seen) return
    seen[key] = 1
    n = split(text[key], words, " ")
    for (i = 1; i <= n; i++) {
        if (words[i] ~ /^mm_n_/ || words[i] ~ /^firewall\034/) found[words[i]] = 1
        else if (words[i] != name) reach(file, words[i])
    }
}
END {
    for (f = 1; f <= file_n; f++) {
        root = files[f]
        n = split(tests[root], list, " ")
        for (t = 1; t <= n; t++) {
            split("", seen); split("", found)
            reach(root, list[t])
            for (w in found) {
                out = w
                gsub(/\034/, " ", out)
                printf "PROVES\t%s\t%s\t%s\n", out, short_name(root), list[t]
            }
        }
    }
}
