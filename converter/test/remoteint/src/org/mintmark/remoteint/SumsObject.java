package org.mintmark.remoteint;

import javacard.framework.JCSystem;
import javacard.framework.UserException;
import javacard.framework.service.CardRemoteObject;

/** Does what Sums says. */
public class SumsObject extends CardRemoteObject implements Sums {
    private final byte[] many = new byte[300];
    private final short[] shorts = new short[200];
    private int[] ints;

    public int sum(int a, short b, int c) {
        return a + b + c;
    }

    public int[] scaled(int[] values, int by) {
        if (values == null)
            return null;
        for (short i = 0; i < values.length; i++)
            values[i] *= by;
        return values;
    }

    public int largest(int[] values) {
        int found = 0x80000000;

        for (short i = 0; i < values.length; i++) {
            if (values[i] > found)
                found = values[i];
        }
        return found;
    }

    public short eight(byte[] a, byte[] b, byte[] c, byte[] d, byte[] e, byte[] f, byte[] g, byte[] h) {
        return (short) (a.length + 2 * h.length + (e == null ? 100 : 0));
    }

    public short nine(byte[] a, byte[] b, byte[] c, byte[] d, byte[] e, byte[] f, byte[] g, byte[] h,
            byte[] i) {
        return (short) (i == null ? 9 : i.length);
    }

    public byte[] bytes(short n) {
        return n == 300 ? many : new byte[n];
    }

    public short[] shorts(short n) {
        return n == 200 ? shorts : new short[n];
    }

    public int[] ints(short n) {
        if (ints == null || ints.length != n)
            ints = new int[n];
        return ints;
    }

    public Sums another() {
        return new SumsObject();
    }

    public int refused(int amount) throws UserException {
        if (amount > 70000)
            UserException.throwIt((short) 7);
        return amount;
    }
}
