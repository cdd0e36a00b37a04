#!/usr/bin/env bash
# How long a converter run over a package of 100 classes takes, the program's start included; the
# classes have fields, loops, switches and calls of each other.     test/bench/convert.sh BUILD
set -u
build=${1:?usage: convert.sh BUILD}
work=$(mktemp -d "${TMPDIR:-/tmp}/mintmark-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/src/many"
for ((i = 0; i < 100; i++)); do
    cat >"$work/src/many/C$i.java" <<J
package many;

import javacard.framework.*;

public class C$i {
    static final byte[] TABLE = { 1, 2, 3, (byte) $i };
    private short count;
    private byte[] log = new byte[16];

    public short next(byte[] b, short off, short len) {
        for (short i = 0; i < len; i++) {
            switch (b[(short) (off + i)]) {
                case 0: count++; break;
                case 1: count = (short) (count + TABLE[(short) (i & 3)]); break;
                case 2: log[(short) (i & 15)] = b[off]; break;
                default: count = (short) (count ^ Util.getShort(b, off));
            }
        }
        if (count > 1000)
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        return new C$(((i + 1) % 100))().more(b, count);
    }

    public short more(byte[] b, short x) {
        try {
            return (short) (b[x] * 3 + count);
        } catch (ArrayIndexOutOfBoundsException e) {
            return 0;
        }
    }
}
J
done
javac --release 8 -g -Xlint:-options -cp "$build/api/classes" -d "$work/cls" "$work"/src/many/*.java || exit 1
TIMEFORMAT='%R %U %S'
best='999 0'
for _ in 1 2 3 4 5; do
    took=$({ time "$build/bin/mintmark-convert" --classes "$work/cls" --output "$work/many.cap"; } 2>&1) || exit 1
    best=$(awk -v a="$best" -v b="$took" 'BEGIN { split(a, x); split(b, y);
        print y[1] < x[1] ? y[1] " " y[2] + y[3] : a }')
done
echo "| what | s | of it processor |"
echo "|--|--|--|"
echo "| convert a package of 100 classes to $(stat -c %s "$work/many.cap") bytes of CAP file, best of 5 | ${best% *} | ${best#* } |"
