# docs/apdu.md from the .def lists: AIDs, commands by application, status words, errors by command.
BEGIN {
    print "# AIDs, commands, status words"
    print ""
    print "Made from `apdu_spec/*.def` by `make docs`; change the lists, not this page. What the bytes mean is in"
    print "[protocol.md](protocol.md)."
}
# Cut MM_X(a, b, "c, d") into f[1..n]; commas inside strings stay.
function cells(line,    n, i, c, q, cur) {
    sub(/^[A-Z_]+\(/, "", line)
    sub(/\)[ \t]*$/, "", line)
    n = 0; q = 0; cur = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\"") { q = !q; continue }
        if (c == "," && !q) { f[++n] = trim(cur); cur = ""; continue }
        cur = cur c
    }
    f[++n] = trim(cur)
    return n
}
function trim(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }
function heading(title, head, rule) {
    if (title == last) return
    last = title
    print ""; print "## " title; print head; print rule
}
/^MM_AID\(/ {
    cells($0)
    heading("AIDs", "| AID | name | what |", "|--|--|--|")
    printf "| `%s` | %s | %s |\n", f[2], f[1], f[3]
}
/^MM_INS\(/ {
    cells($0)
    heading("Commands: " tolower(f[1]), "| CLA | INS | name | case | where |", "|--|--|--|--|--|")
    gsub(/_/, " ", f[2])
    printf "| %s | %s | %s | %s | %s |\n", toupper(substr(f[3], 3)), toupper(substr(f[4], 3)), f[2], f[5], f[6]
}
/^MM_SW\(/ {
    cells($0)
    heading("Status words", "| SW | name | meaning |", "|--|--|--|")
    printf "| %s | %s | %s |\n", f[1], f[2], f[3]
}
function error_row(when, test) {
    heading("Errors of the GlobalPlatform commands",
            "| command | SW | where | when | test |", "|--|--|--|--|--|")
    gsub(/_/, " ", f[2])
    printf "| %s | %s | %s | %s | %s |\n", f[2] == "ANY" ? "every" : f[2], f[3], f[4], when, test
}
/^MM_GP_ERROR\(/ { cells($0); error_row(f[5], "`" f[6] "`") }
/^MM_GP_NEVER\(/ { cells($0); error_row("never: " f[5], "") }
