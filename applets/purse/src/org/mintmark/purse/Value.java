package org.mintmark.purse;

import javacard.framework.Util;

/**
 * Unsigned 32-bit numbers as four big-endian bytes. The platform has no int, so each step works on
 * one byte and stays inside a short.
 */
final class Value {
    static final short LEN = 4;

    private Value() {
    }

    /** -1, 0 or 1 as a is below, equal to or above b. Bytes are compared unsigned. */
    static byte compare(byte[] a, short aOff, byte[] b, short bOff) {
        for (short i = 0; i < LEN; i++) {
            short x = (short) (a[(short) (aOff + i)] & 0xFF);
            short y = (short) (b[(short) (bOff + i)] & 0xFF);
            if (x < y) {
                return (byte) -1;
            }
            if (x > y) {
                return (byte) 1;
            }
        }
        return (byte) 0;
    }

    static boolean isZero(byte[] a, short off) {
        short bits = 0;
        for (short i = 0; i < LEN; i++) {
            bits = (short) (bits | a[(short) (off + i)]);
        }
        return bits == 0;
    }

    /** out = a + b; false when the sum needs more than 32 bits (out is then not to be used). */
    static boolean add(byte[] a, short aOff, byte[] b, short bOff, byte[] out, short outOff) {
        short carry = 0;
        for (short i = (short) (LEN - 1); i >= 0; i--) {
            short sum = (short) (a[(short) (aOff + i)] & 0xFF);
            sum = (short) (sum + (short) (b[(short) (bOff + i)] & 0xFF));
            sum = (short) (sum + carry);
            out[(short) (outOff + i)] = (byte) sum;
            carry = (short) (sum >> 8);
        }
        return carry == 0;
    }

    /** out = a - b; false when b is above a (out is then not to be used). */
    static boolean subtract(byte[] a, short aOff, byte[] b, short bOff, byte[] out, short outOff) {
        short borrow = 0;
        for (short i = (short) (LEN - 1); i >= 0; i--) {
            short rest = (short) (a[(short) (aOff + i)] & 0xFF);
            rest = (short) (rest - (short) (b[(short) (bOff + i)] & 0xFF));
            rest = (short) (rest - borrow);
            out[(short) (outOff + i)] = (byte) rest;
            borrow = (short) (rest < 0 ? 1 : 0);
        }
        return borrow == 0;
    }

    /** out = a + 1; false when a was the highest number. */
    static boolean increment(byte[] a, short aOff, byte[] out, short outOff) {
        short carry = 1;
        Util.arrayCopyNonAtomic(a, aOff, out, outOff, LEN);
        for (short i = (short) (LEN - 1); i >= 0; i--) {
            short sum = (short) (out[(short) (outOff + i)] & 0xFF);
            sum = (short) (sum + carry);
            out[(short) (outOff + i)] = (byte) sum;
            carry = (short) (sum >> 8);
        }
        return carry == 0;
    }
}
