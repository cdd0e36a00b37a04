# The table of exceptions in docs/conformance.md: method -> what it may throw -> the unit test that saw it thrown.
#   awk -f throws.awk natives.def api_305.tsv api_gp.tsv throws.tsv FACTS
# FACTS are lines "THROWN <file> <test> <object's class, or -> <class> <method> <exception> <reason>", made by running
# the tests; class is the one with the native. Status 1, with the lines on standard error, when a line of throws.tsv
# names what the API does not have, was not seen thrown by that very method, or was seen though it never comes; when
# a line stands twice; and when a method has no line.
BEGIN { FS = OFS = "\t" }

function slashes(s) { gsub(/\./, "/", s); return s }
function quoted(line, n,   parts) { split(line, parts, "\""); return parts[2 * n] }
function base(name) { sub(/.*\//, "", name); return name }
function wrong(what) { print "throws.tsv: " what > "/dev/stderr"; bad = 1 }
function inherits(cls, list,   n, w, i) {
    n = split(list, w, " ")
    for (i = 1; i <= n; i++) if (w[i] != cls) above[cls] = above[cls] " " w[i]
}
function below(cls, top,   n, w, i) {
    if (cls == top) return 1
    n = split(above[cls], w, " ")
    for (i = 1; i <= n; i++) if (below(w[i], top)) return 1
    return 0
}
# Did a call of cls.m throw, when what threw was owner's native with an object of class obj (-: none)? Of a class
# that has the method itself, and of one below that says it anew, only that class's own counts.
function own(cls, m, owner, obj) {
    if (owner == cls) return 1
    if (!(cls in interface_known) && (((cls, m) in native_of) || ((owner, m) in method))) return 0
    return below(obj == "-" ? owner : obj, cls)
}
# The number of a reason; -1: the exception has no such constant.
function reason_of(exception, name) {
    if (name == "") return 0
    if ((exception, name) in constant) return constant[exception, name]
    if (exception == "ISOException" && name ~ /^6[0-9A-F][0-9A-F][0-9A-F]$/) return hex(name)
    return -1
}
function hex(s,   i, v) {
    for (i = 1; i <= length(s); i++) v = 16 * v + index("0123456789ABCDEF", substr(s, i, 1)) - 1
    return v
}

FILENAME ~ /natives\.def$/ && /^MM_INTERNAL/ {
    inherits(quoted($0, 1), quoted($0, 2) " " quoted($0, 3))
    next
}
FILENAME ~ /natives\.def$/ && /^MM_NATIVE/ { native_of[quoted($0, 1), quoted($0, 2) quoted($0, 3)] = 1 }
FILENAME ~ /natives\.def$/ { next }
FILENAME ~ /api_[a-z0-9]*\.tsv$/ {
    cls = slashes($1) "/" $5
    if ($4 == "class" || $4 == "interface") {
        inherits(cls, slashes($8) " " slashes($9))
        if ($4 == "interface") interface_known[cls] = 1
        if ($5 ~ /Exception$/) exception_known[$5] = 1
    } else if ($4 == "constant") {
        constant[$5, $10] = $13
    } else if (($4 ~ /method$/ || $4 == "constructor") && $16 == "") {
        k = cls SUBSEP $10 $11
        if (!(k in method)) { method[k] = $10; overloads[cls, $10]++; wanted[++wanted_n] = k }
    }
    next
}
FILENAME ~ /throws\.tsv$/ {
    if ($1 == "#why") { why[$2] = $3; why_name[++why_n] = $2 }
    if (/^#/) next
    k = $1 SUBSEP $2
    if (!(k in method)) { wrong("no such method: " $1 " " $2); next }
    if ((k, $3, $4) in line_seen) wrong("twice: " $1 " " $2 " " $3 " " $4)
    line_seen[k, $3, $4] = 1
    line_n[k]++
    line_exception[k, line_n[k]] = $3; line_reason[k, line_n[k]] = $4; line_why[k, line_n[k]] = $5
    next
}
$1 == "THROWN" {
    add_fact($6 SUBSEP base($7) SUBSEP $8)
    add_fact($6 SUBSEP base($7) SUBSEP "*")
    next
}
function add_fact(k) {
    fact[k, ++fact_n[k]] = $2 " " $3
    fact_obj[k, fact_n[k]] = $4; fact_class[k, fact_n[k]] = $5
}

# Put the tests that saw line i of method k thrown into seen[].
function look_up(k, i,   key, r, f, n) {
    split("", seen)
    split(k, key, SUBSEP)
    r = line_reason[k, i] == "*" ? "*" : reason_of(line_exception[k, i], line_reason[k, i])
    f = key[2] SUBSEP line_exception[k, i] SUBSEP r
    for (n = 1; n <= fact_n[f]; n++)
        if (own(key[1], key[2], fact_class[f, n], fact_obj[f, n])) seen[fact[f, n]] = 1
}
function check(k, i,   e, t, any) {
    e = line_exception[k, i]
    name = k " " e " " line_reason[k, i]
    sub(SUBSEP, ".", name)
    if (e == "-") return
    if (!(e in exception_known)) wrong("no such exception: " name)
    if (line_reason[k, i] != "*" && reason_of(e, line_reason[k, i]) < 0) wrong("no such reason: " name)
    look_up(k, i)
    for (t in seen) { any = 1; covers[t]++ }
    if (line_why[k, i] != "") {
        if (!(line_why[k, i] in why)) wrong("no such why: " name)
        else used[line_why[k, i]] = 1
        if (any) wrong("said never to come, but a test saw it: " name)
        never_n++
    } else if (!any) {
        wrong("no test sees it thrown: " name)
    } else {
        proved_n++
    }
}
# The test of line i that sees most of the method's lines; of several the first by name.
function choose(k, i,   t, best) {
    look_up(k, i)
    for (t in seen)
        if (best == "" || covers[t] > covers[best] || (covers[t] == covers[best] && t < best)) best = t
    return best
}
function shown(k, i,   e, r) {
    e = line_exception[k, i]; r = line_reason[k, i]
    return r == "" ? e : r == "*" ? e " of any reason" : e " " r
}
# One cell: what the same test saw stands together.
function cell(k,   i, t, n, order, list, out) {
    split("", covers)
    for (i = 1; i <= line_n[k]; i++) check(k, i)
    for (i = 1; i <= line_n[k]; i++) {
        if (line_exception[k, i] == "-") return ""
        t = line_why[k, i] != "" ? "never, " line_why[k, i] : choose(k, i)
        if (!(t in list)) order[++n] = t
        list[t] = list[t] (list[t] == "" ? "" : ", ") shown(k, i)
    }
    for (i = 1; i <= n; i++) out = out (i > 1 ? "; " : "") list[order[i]] ": " order[i]
    return out
}
function row(k,   key, c, plain) {
    split(k, key, SUBSEP)
    plain = method[k] (overloads[key[1], method[k]] > 1 ? substr(key[2], length(method[k]) + 1) : "")
    c = cell(k)
    if (c == "") quiet[key[1]] = quiet[key[1]] (quiet[key[1]] == "" ? "" : ", ") plain
    else rows = rows "| " key[1] " | " plain " | " c " |\n"
    if (!(key[1] in class_seen)) { class_seen[key[1]] = 1; class_name[++class_n] = key[1] }
}
END {
    for (i = 1; i <= wanted_n; i++) {
        if (line_n[wanted[i]] > 0) row(wanted[i])
        else {
            name = wanted[i]
            sub(SUBSEP, ".", name)
            wrong("no line for " name)
        }
    }
    print "\n### Exceptions"
    print "What the documentation of each method lets it throw (`test/conformance/throws.tsv`), and the unit test that saw it"
    print "thrown with that reason when this table was made. What never comes here, because:\n"
    for (i = 1; i <= why_n; i++) {
        print "- " why_name[i] ": " why[why_name[i]]
        if (!(why_name[i] in used)) wrong("a why that no line uses: " why_name[i])
    }
    print "\n| class | method | throws: seen by |\n|--|--|--|"
    printf "%s", rows
    print "\nNothing is documented for:\n\n| class | methods |\n|--|--|"
    for (i = 1; i <= class_n; i++)
        if (class_name[i] in quiet) print "| " class_name[i] " | " quiet[class_name[i]] " |"
    print proved_n + 0 " exceptions seen thrown, " never_n + 0 " that never come" > "/dev/stderr"
    exit bad
}
