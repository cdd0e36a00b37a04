#!/usr/bin/env bash
# Class files of a package "many" of N classes, with fields, loops, switches, handlers and calls of each
# other: DIR/cls.     test/bench/package.sh BUILD DIR N
set -u
build=${1:?usage: package.sh BUILD DIR N}
work=${2:?}
n=${3:?}

mkdir -p "$work/src/many"
for ((i = 0; i < n; i++)); do
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
        return new C$(((i + 1) % n))().more(b, count);
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
