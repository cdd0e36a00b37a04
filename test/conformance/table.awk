# The conformance table of docs/conformance.md: opcode, API item, firewall rule -> the test that proves it.
#   awk -f table.awk opcodes.def natives.def firewall.def not_offered.tsv api_305.tsv api_gp.tsv \
#       test_vm_opcodes.c FACTS
# FACTS are the lines of c_tests.awk and java_tests.awk. A row without a test goes to standard error and
# makes the exit status 1.

function slashes(s) { gsub(/\./, "/", s); return s }
function quoted(line, n,   parts) { split(line, parts, "\""); return parts[2 * n] }
function inherits(cls, list,   n, w, i) {
    n = split(list, w, " ")
    for (i = 1; i <= n; i++) if (w[i] != cls) above[cls] = above[cls] " " w[i]
}
function missing(what) { print "no test: " what > "/dev/stderr"; bad = 1; lacking++; return "none" }

FILENAME ~ /opcodes\.def$/ && /^MM_OP\(/ {
    split($0, part, /[(,] */)
    op_name[++op_n] = tolower(part[2]); op_code[op_n] = part[3]
    next
}
FILENAME ~ /natives\.def$/ && /^MM_INTERNAL/ {
    internal[++internal_n] = quoted($0, 1)
    inherits(quoted($0, 1), quoted($0, 2) " " quoted($0, 3))
    next
}
FILENAME ~ /natives\.def$/ && /^MM_NATIVE/ {
    fn = $0
    sub(/.*" *, */, "", fn); sub(/\).*/, "", fn)
    k = quoted($0, 2) " " quoted($0, 3)
    bound_n[k]++
    bound_class[k, bound_n[k]] = quoted($0, 1)
    bound_fn[k, bound_n[k]] = fn
    next
}
FILENAME ~ /firewall\.def$/ && /^MM_FIREWALL\(/ {
    fw_n++
    fw_id[fw_n] = quoted($0, 1); fw_clause[fw_n] = quoted($0, 2); fw_text[fw_n] = quoted($0, 3)
    next
}
FILENAME ~ /not_offered\.tsv$/ {
    if (/^#/) next
    split($0, f, "\t")
    refuser[f[1]] = f[2]; refuser_name[f[1]] = f[3]; refuser_type[f[1]] = f[4]; refused_why[f[1]] = f[5]
    next
}
FILENAME ~ /\.tsv$/ {
    if (FNR == 1) next
    n = split($0, col, "\t")
    if (col[4] == "package") next
    cls = slashes(col[1]) "/" col[5]
    if (col[4] == "class" || col[4] == "interface") {
        if (!(cls in seen_class)) { seen_class[cls] = 1; class_name[++class_n] = cls }
        split("", w)
        inherits(cls, slashes(col[8]) " " slashes(col[9]))
    } else if (col[4] == "constant") {
        if (col[16] == "" && !((cls, col[10]) in seen_const)) { seen_const[cls, col[10]] = 1; constant_n[cls]++ }
    } else if (col[16] == "") {
        k = cls " " col[10] " " col[11]
        if (k in seen_item) next
        seen_item[k] = 1
        item_n[cls]++
        item_name[cls, item_n[cls]] = col[10]
        item_type[cls, item_n[cls]] = col[11]
        overloads[cls, col[10]]++
    }
    next
}
FILENAME ~ /test_vm_opcodes\.c$/ && /^    \{"/ { label[++label_n] = quoted($0, 1); next }
$1 == "PROVES" {
    split($0, f, "\t")
    width[f[3] " " f[4]]++
    prover_n[f[2]]++
    prover[f[2], prover_n[f[2]]] = f[3] " " f[4]
    next
}
$1 == "CALL" {
    split($0, f, "\t")
    k = f[3] " " f[4]
    call_n[k]++
    call_class[k, call_n[k]] = f[2]
    call_by[k, call_n[k]] = f[5] " " f[6]
    next
}
$1 == "HAS" {
    split($0, f, "\t")
    if (!((f[2], "h") in seen_class)) { seen_class[f[2], "h"] = 1; inherits(f[2], f[3]) }
    k = f[4] " " f[5]
    has_n[k]++
    has_class[k, has_n[k]] = f[2]
    has_by[k, has_n[k]] = f[6] " " f[4]
    next
}

# Is cls the same as, or below, base?
function below(cls, base,   n, w, i) {
    if (cls == base) return 1
    n = split(above[cls], w, " ")
    for (i = 1; i <= n; i++) if (below(w[i], base)) return 1
    return 0
}
# Is what owner implements what a caller of cls gets: by inheritance, or in a class of the chip's own that
# inherits from both?
function serves(owner, cls,   i) {
    if (below(owner, cls)) return 1
    for (i = 1; i <= internal_n; i++)
        if (below(internal[i], owner) && below(internal[i], cls)) return 1
    return 0
}
# The two tests that reach a native and the fewest others besides.
function best(word,   i, t, first, second) {
    for (i = 1; i <= prover_n[word]; i++) {
        t = prover[word, i]
        if (first == "" || width[t] < width[first]) { second = first; first = t }
        else if (second == "" || width[t] < width[second]) second = t
    }
    return second == "" ? first : first ", " second
}
function proof_of(cls, name, type,   k, i, t) {
    k = name " " type
    for (i = 1; i <= bound_n[k]; i++) {
        if (bound_fn[k, i] == "mm_n_nothing" || !serves(bound_class[k, i], cls)) continue
        t = best(bound_fn[k, i])
        if (t != "") return t
    }
    for (i = 1; i <= call_n[k]; i++)
        if (below(call_class[k, i], cls)) return call_by[k, i]
    for (i = 1; i <= has_n[k]; i++)
        if (below(has_class[k, i], cls)) return has_by[k, i] " (implements it)"
    if (cls in refuser) {
        t = proof_of(refuser[cls], refuser_name[cls], refuser_type[cls])
        return t == "" ? "" : "not offered, " refused_why[cls] "; the refusal: " t
    }
    return ""
}
function labels(name,   i, out, n, text) {
    for (i = 1; i <= label_n && n < 3; i++) {
        text = " " label[i] " "
        gsub(/,/, " ", text)
        if (index(text, " " name " ")) { out = out (n ? "; " : "") label[i]; n++ }
    }
    return out == "" ? "both directions" : out
}
END {
    print "### Bytecodes"
    print "Each row runs in `test_vm_opcodes.c` through both dispatch loops (`vm_runs_every_row_of_the_opcode_table`,"
    print "`..._by_switch`); `the_opcode_table_has_every_opcode` fails when one is left out.\n"
    print "| opcode | code | rows, some of them |\n|--|--|--|"
    for (i = 1; i <= op_n; i++) print "| " op_name[i] " | " op_code[i] " | " labels(op_name[i]) " |"
    print "\n### Firewall\n\n| rule | clause of the JCRE specification | test |\n|--|--|--|"
    for (i = 1; i <= fw_n; i++) {
        t = best("firewall " fw_id[i])
        if (t == "") t = missing("firewall " fw_id[i])
        print "| " fw_text[i] " | " fw_clause[i] " | " t " |"
    }
    print "\n### API"
    print "Names, tokens and constant values of every row: `test_conv_published.c` compares each with the published facts.\n"
    print "| class | item | test |\n|--|--|--|"
    for (c = 1; c <= class_n; c++) {
        cls = class_name[c]
        if (constant_n[cls] > 0)
            print "| " cls " | " constant_n[cls] " constants | test_conv_published.c constants_tokens_and_classes_are_the_published_ones |"
        for (i = 1; i <= item_n[cls]; i++) {
            name = item_name[cls, i]; type = item_type[cls, i]
            t = proof_of(cls, name, type)
            if (t == "") t = missing(cls "." name type)
            print "| " cls " | " name (overloads[cls, name] > 1 ? type : "") " | " t " |"
            items++
        }
    }
    print items " items, " lacking + 0 " without a test" > "/dev/stderr"
    exit bad
}
