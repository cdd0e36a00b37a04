# What each Java test class calls and implements, from `javap -p -c -s`: lines
#   CALL <class/full/Name> <member> <descriptor> <source> <method>
#   HAS  <own class> <superclass and interfaces, by blanks> <member> <descriptor> <source>
# Members of the class itself, which javap shows without a class, count for its superclass.
BEGIN { OFS = "\t" }

/^Compiled from/ { split($0, part, "\""); source = part[2]; next }
/^([a-z]+ )*(class|interface) .*\{$/ {
    line = $0
    gsub(/[,{]/, " ", line)
    gsub(/\./, "/", line)
    sub(/^([a-z]+ )*(class|interface) /, "", line)
    n = split(line, word, " ")
    own = word[1]; above = ""; super = "java/lang/Object"
    for (i = 2; i <= n; i++) {
        if (word[i] == "extends" || word[i] == "implements") continue
        above = above " " word[i]
        if (word[i - 1] == "extends") super = word[i]
    }
    next
}
/^  [a-z].*\(.*\).*;$/ {
    method = $0
    sub(/\(.*/, "", method)
    sub(/.* /, "", method)
    if (method ~ /\./) method = "<init>"
    next
}
/^    descriptor: \(/ { print "HAS", own, above, method, $2, source; next }
/\/\/ (Interface)?Method / {
    ref = $0
    sub(/.*Method /, "", ref)
    gsub(/"/, "", ref)
    colon = index(ref, ":")
    name = substr(ref, 1, colon - 1); type = substr(ref, colon + 1)
    dot = index(name, ".")
    cls = dot > 0 ? substr(name, 1, dot - 1) : super
    print "CALL", cls, substr(name, dot + 1), type, source, method
}
