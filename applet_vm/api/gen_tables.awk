# Make build/gen/api_tables.c: struct mm_rom_package for every package of the fact tables.
#   awk -f gen_tables.awk natives.def api_305.tsv api_gp.tsv
# natives.def says which C function implements which method, what hidden cells a class has, and
# which internal classes there are. Of a package in several versions the highest is offered.

function fail(why) { print FILENAME ":" FNR ": " why > "/dev/stderr"; bad = 1; exit 1 }
function slashes(s) { gsub(/\./, "/", s); return s }

# The n-th quoted string of a line.
function quoted(line, n,   parts) { split(line, parts, "\""); return parts[2 * n] }
# What stands between the last quote and the closing bracket, without blanks: ",1,0".
function rest(line) {
    sub(/^.*"/, "", line); sub(/\).*$/, "", line); gsub(/[ \t]/, "", line); return line
}

# 16-bit cells of one type at position p of a descriptor; sets type_end behind it.
function cells_at(d, p,   c, n) {
    c = substr(d, p, 1); n = c == "I" ? 2 : c == "V" ? 0 : 1
    if (c == "[") { while (substr(d, p, 1) == "[") p++; c = substr(d, p, 1); n = 1 }
    if (c == "L") p += index(substr(d, p), ";") - 1
    type_end = p + 1
    return n
}
function arg_cells(d,   p, n) {
    n = 0
    for (p = 2; substr(d, p, 1) != ")"; p = type_end) n += cells_at(d, p)
    return n
}
function ret_cells(d) { return cells_at(d, index(d, ")") + 1) }

function is_interface(flags) { return index("2367ABEFabef", substr(flags, 4, 1)) > 0 }
function is_static(flags) { return index("89ABCDEFabcdef", substr(flags, 6, 1)) > 0 }
function method_key(cls, name, d) { return cls " " name " " d }

# One row of a method table: into rows_of[class].
function add_method(cls, name, d, token, flags, static,   native, k) {
    k = method_key(cls, name, d)
    native = (k in bound) ? bound[k] : "NULL"
    if (k in result) { native = keeper(k); delete result[k] }
    used[k] = 1
    rows_of[cls] = rows_of[cls] sprintf("    { \"%s\", \"%s\", %d, %s, %d, %d, %s },\n", name, d, token, \
        flags, arg_cells(d) + (static ? 0 : 1), ret_cells(d), native)
    row_n[cls]++
    if (!static && name != "<init>") {
        token_of[k] = token
        if (!(cls in top) || token + 0 > top[cls] + 0) top[cls] = token
    }
}

# A function around the native that stores what it returns.
function keeper(k,   d, type) {
    if (!(k in bound)) fail("a result without a native: " k)
    split(k, parts_of_k, " "); d = parts_of_k[3]
    type = substr(d, index(d, ")") + 1, 1)
    if (type == "B") type = "S"
    if (type != "L" && type != "Z" && type != "S") fail("no result that could be kept: " k)
    keeper_n++
    printf "static enum mm_run keep_%d(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)\n", keeper_n
    printf "{\n    return mm_api_keep_result(vm, %s, '%s', args, ret);\n}\n", bound[k], type
    return "keep_" keeper_n
}

function emit_class(cls, token, flags, super, ifaces, ident,   n, i, names) {
    n = split(ifaces, names, " ")
    if (n > 0) {
        printf "static const char *const ifaces_%s[] = { ", ident
        for (i = 1; i <= n; i++) printf "\"%s\", ", names[i]
        print "NULL };"
    }
    if (row_n[cls] > 0)
        printf "static const struct mm_rom_method methods_%s[] = {\n%s};\n", ident, rows_of[cls]
    return sprintf("    { \"%s\", %d, %s, %s, %s, %d, %d, %s, %d, NULL, 0 },\n", cls, token, flags, \
        super == "" ? "NULL" : "\"" super "\"", n > 0 ? "ifaces_" ident : "NULL", \
        cells[cls], refs[cls], row_n[cls] > 0 ? "methods_" ident : "NULL", row_n[cls])
}

function emit_package(pkg, name, aid, version, list,   v, i, out) {
    split(version, v, ".")
    printf "static const struct mm_rom_class classes_%s[] = {\n%s};\n", pkg, list
    printf "static const struct mm_rom_package package_%s = {\n    \"%s\", { %d, { ", pkg, name, \
        length(aid) / 2
    for (i = 1; i < length(aid); i += 2) printf "0x%s, ", substr(aid, i, 2)
    if (aid == "") printf "0 "
    printf "} }, %d, %d, classes_%s,\n    sizeof(classes_%s) / sizeof(classes_%s[0])\n};\n", \
        v[1], v[2], pkg, pkg, pkg
    packages = packages "    &package_" pkg ",\n"
}

# ---- natives.def ----
/^MM_NATIVE\(/ {
    k = method_key(quoted($0, 1), quoted($0, 2), quoted($0, 3))
    if (k in bound) fail("a second native for " k)
    f = rest($0); sub(/^,/, "", f); bound[k] = f; order[++bound_n] = k
    cls_methods[quoted($0, 1)] = cls_methods[quoted($0, 1)] " " bound_n
    next
}
/^MM_STATE\(/ {
    split(rest($0), p, ","); cells[quoted($0, 1)] = p[2]; refs[quoted($0, 1)] = p[3]; next
}
/^MM_INTERNAL\(/ {
    internal[++internal_n] = quoted($0, 1); super_of[quoted($0, 1)] = quoted($0, 2)
    ifaces_of[quoted($0, 1)] = quoted($0, 3); next
}
/^MM_RESULT\(/ { result[method_key(quoted($0, 1), quoted($0, 2), quoted($0, 3))] = 1; next }
/^MM_/ { fail("line not understood") }

# ---- fact tables ----
FILENAME !~ /\.tsv$/ || FNR == 1 { next }
{
    split($0, c, "\t")
    pkg = c[1]
    split(c[3], v, ".")
    number = v[1] * 1000 + v[2]
    if (!(pkg in best)) pkg_order[++pkg_n] = pkg
    if (number > best[pkg] + 0) { best[pkg] = number; version[pkg] = c[3]; aid_of[pkg] = c[2] }
    line[++line_n] = $0; line_pkg[line_n] = pkg; line_number[line_n] = number
}

END {
    if (bad) exit 1
    print "/* Made by applet_vm/api/gen_tables.awk; do not edit. */"
    print "#include \"applet_vm/api/api_int.h\"\n"
    # Inherited methods are repeated in the tables of interfaces only (their tokens are per
    # interface); in classes just when a native overrides one.
    for (i = 1; i <= line_n; i++) {
        if (line_number[i] != best[line_pkg[i]]) continue
        split(line[i], c, "\t")
        cls = slashes(c[1] "." c[5])
        if (c[4] == "class" || c[4] == "interface") {
            classes_of[c[1]] = classes_of[c[1]] " " i
            iface[cls] = c[4] == "interface"
            split(c[8], s, " ")
            if (!iface[cls]) super_of[cls] = slashes(s[1])
            known[cls] = 1
        }
    }
    for (i = 1; i <= line_n; i++) {
        if (line_number[i] != best[line_pkg[i]]) continue
        split(line[i], c, "\t")
        if (c[4] != "method" && c[4] != "static_method" && c[4] != "constructor") continue
        cls = slashes(c[1] "." c[5])
        if (c[16] != "" && !iface[cls] && !(method_key(cls, c[10], c[11]) in bound)) continue
        add_method(cls, c[10], c[11], c[12], c[7], c[4] == "static_method")
    }
    for (i = 1; i <= pkg_n; i++) {
        pkg = pkg_order[i]; list = ""
        n = split(classes_of[pkg], at, " ")
        for (j = 1; j <= n; j++) {
            split(line[at[j]], c, "\t")
            cls = slashes(pkg "." c[5])
            list = list emit_class(cls, c[6], c[7], super_of[cls], slashes(c[9]), at[j])
        }
        # biometry: 1.2 in the 3.0.5 exports, 1.3 with the same items in later kits
        v2 = pkg == "javacardx.biometry" ? "1.3" : version[pkg]
        ident = pkg; gsub(/\./, "_", ident)
        emit_package(ident, slashes(pkg), aid_of[pkg], v2, list)
    }
    # Classes of objects that the API hands out: no AID, so no package can import them.
    list = ""
    for (i = 1; i <= internal_n; i++) {
        cls = internal[i]; sup = super_of[cls]
        top[cls] = (sup in top) ? top[sup] : 0
        n = split(cls_methods[cls], at, " ")
        for (j = 1; j <= n; j++) {
            split(order[at[j]], m, " ")
            up = sup
            while (up != "" && !(method_key(up, m[2], m[3]) in token_of)) up = super_of[up]
            token = up != "" ? token_of[method_key(up, m[2], m[3])] : top[cls] + 1
            add_method(cls, m[2], m[3], token, "0x0001", 0)
        }
        list = list emit_class(cls, i - 1, "0x0001", sup, ifaces_of[cls], "internal_" i)
    }
    emit_package("internal", "mintmark", "", "1.0", list)
    printf "static const struct mm_rom_package *const all[] = {\n%s    NULL\n};\n\n", packages
    print "const struct mm_rom_package *const *mm_api_packages(void)\n{\n    return all;\n}"
    for (k in bound) if (!(k in used)) { print "natives.def: no such method: " k > "/dev/stderr"; bad = 1 }
    for (k in result) { print "natives.def: no such method to keep the result of: " k > "/dev/stderr"; bad = 1 }
    for (k in cells) {
        ok = k in known
        for (i = 1; i <= internal_n; i++) if (internal[i] == k) ok = 1
        if (!ok) { print "natives.def: no such class: " k > "/dev/stderr"; bad = 1 }
    }
    exit bad
}
