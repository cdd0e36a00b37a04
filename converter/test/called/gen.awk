# An applet that calls every method of the API, each by a command of its own, and the list of them:
#   awk -v list=FILE -f gen.awk makers.tsv api_305.tsv api_gp.tsv > Called.java
# P1 is the class, P2 the method; FILE has a line "P1 P2 class.method descriptor" for each. Arguments are zeros, arrays
# that are there, and null for other objects. Status 1 when a class has neither an object nor a reason not to.
BEGIN { FS = "\t" }

function dots(s) { gsub(/[\/$]/, ".", s); return s }
function newer(a, b,   x, y) {
    split(a, x, "."); split(b, y, ".")
    return x[1] > y[1] || (x[1] == y[1] && x[2] > y[2])
}
# The next argument of a descriptor at pos; moves pos.
function argument(d,   c, array, t) {
    c = substr(d, pos++, 1)
    if (c == "[") { array = 1; c = substr(d, pos++, 1) }
    if (c == "L") {
        t = substr(d, pos)
        t = substr(t, 1, index(t, ";") - 1)
        pos += length(t) + 1
        return "(" dots(t) (array ? "[]" : "") ") null"
    }
    if (array) return c == "B" ? "b" : c == "S" ? "s" : c == "I" ? "n" : "z"
    return c == "Z" ? "false" : c == "B" ? "(byte) 0" : c == "S" ? "(short) 0" : "0"
}
function arguments(d,   list_, sep) {
    pos = 2
    list_ = ""; sep = ""
    while (substr(d, pos, 1) != ")") { list_ = list_ sep argument(d); sep = ", " }
    return "(" list_ ")"
}

/^#/ { next }
FILENAME ~ /makers\.tsv$/ { maker[$1] = $2; after[$1] = $3; next }
FNR == 1 { next }
$4 == "package" { if (!($1 in version) || newer($3, version[$1])) version[$1] = $3; next }
{ row[++rows] = $0 }

END {
    for (i = 1; i <= rows; i++) {
        split(row[i], c, "\t")
        if (c[3] != version[c[1]]) continue
        cls = c[1] "." c[5]
        if (c[4] == "class" || c[4] == "interface") { abstract[cls] = c[7] ~ /0x.[46]/; continue }
        if (c[4] !~ /method|constructor/ || (c[15] !~ /public/ && cls != "javacard.framework.Applet")) continue
        if (c[4] == "constructor" && (c[15] !~ /public/ || cls ~ /\.Applet$/)) continue
        if (!(cls in n)) order[++classes] = cls
        at[cls, ++n[cls]] = i
    }
    print "package org.mintmark.called;\n"
    for (p in version) if (p != "java.lang") print "import " p ".*;"
    print "\npublic class Called extends Applet {"
    print "    private final byte[] b = new byte[64];\n    private final short[] s = new short[16];"
    print "    private final int[] n = new int[16];\n    private final boolean[] z = new boolean[16];"
    print "    private static final byte[] OPTIONS = {(byte) 0x80, 1, 0x70};\n    private boolean reached;\n"
    for (k = 1; k <= classes; k++) emit(order[k])
    print "    private void call(APDU apdu, short cls, short method) throws Throwable {\n        switch (cls) {"
    for (k = 1; k <= shown; k++) print "        case " k ": c" k "(apdu, method); break;"
    print "        default: ISOException.throwIt(ISO7816.SW_WRONG_P1P2);\n        }\n    }\n"
    print "    public static void install(byte[] data, short off, byte len) {\n        new Called().register();\n    }\n"
    print "    /* 9000: the method was called and came back, with an exception or without. */"
    print "    public void process(APDU apdu) {\n        byte[] h = apdu.getBuffer();\n"
    print "        if (selectingApplet())\n            return;"
    print "        Util.arrayFillNonAtomic(b, (short) 0, (short) 64, (byte) 0);\n        b[0] = (byte) 0x80;\n        b[1] = 1;"
    print "        reached = false;\n        try {\n            call(apdu, (short) (h[2] & 0xFF), (short) (h[3] & 0xFF));"
    print "        } catch (Throwable t) {\n            // most want other arguments\n        }"
    print "        if (JCSystem.getTransactionDepth() != 0)\n            JCSystem.abortTransaction();"
    print "        JCSystem.requestObjectDeletion();"
    print "        if (!reached)\n            ISOException.throwIt(ISO7816.SW_DATA_INVALID);\n    }\n}"
    exit bad
}

function emit(cls,   j, c, name, dynamic, body, m, made, has) {
    if (!(cls in maker) && cls ~ /Exception$/) maker[cls] = "new " dots(cls) (cls ~ /^java/ && cls !~ /javacard/ ? "()" : "((short) 0)")
    has = cls in maker
    for (j = 1; j <= n[cls]; j++) {
        split(row[at[cls, j]], c, "\t")
        dynamic = c[4] == "method"
        if (dynamic && has && maker[cls] == "-") continue
        if (dynamic && has && maker[cls] == "this" && c[15] ~ /abstract/) continue # it would be process()
        # what a class with only static methods has of Object is nobody's to call
        if (dynamic && !has && c[16] != "") continue
        if (dynamic && !has) {
            print "makers.tsv: no line for " cls > "/dev/stderr"
            bad = 1
            return
        }
        name = c[4] == "constructor" ? "new " dots(cls) : (dynamic ? "o." : dots(cls) ".") c[10]
        body = "reached = true; "
        if (dynamic) body = (maker[cls] == "this" ? "Called" : dots(cls)) " o = " maker[cls] "; reached = o != null; "
        if (after[cls] != "" && dynamic)
            body = body "try { " name arguments(c[11]) "; } finally { " after[cls] "; }"
        else
            body = body name arguments(c[11]) ";"
        made = made "        case " ++m ": { " body " break; }\n"
        print shown + 1, m, cls "." c[10] c[11] > list
    }
    if (m == 0) return
    printf "    private void c%d(APDU apdu, short method) throws Throwable {\n        switch (method) {\n%s", ++shown, made
    print "        default: ISOException.throwIt(ISO7816.SW_WRONG_P1P2);\n        }\n    }\n"
}
