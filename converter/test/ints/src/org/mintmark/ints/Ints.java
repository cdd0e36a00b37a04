package org.mintmark.ints;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;

/** Each use of int once: INS chooses, the four bytes of data are the argument and the answer. */
public class Ints extends Applet {
    static int total = 100000;
    static final int BIG = 0x12345678;
    static int[] table = {1, -2, 70000, 0x7FFFFFFF};
    short pad;
    int field;
    Object object;
    int second;

    public static void install(byte[] data, short off, byte len) {
        new Ints().register();
    }

    int product(short x, int y, byte z) {
        return x * y + z;
    }

    static int loop(int n) {
        int sum = 0;

        for (int i = 0; i < n; i++) {
            sum += i * i;
            if (sum > 1000000)
                break;
        }
        return sum;
    }

    static short mean(short a, short b) {
        return (short) ((a + b) / 2);
    }

    static int table(int x) {
        switch (x) {
            case 1:
                return 5;
            case 2:
                return 100000;
            case 3:
                return 7;
            default:
                return -1;
        }
    }

    static int lookup(int x) {
        switch (x) {
            case -100000:
                return 5;
            case 0:
                return 1;
            case 1000000:
                return 7;
            default:
                return -1;
        }
    }

    int fields(int v) {
        field = v;
        second = -v;
        field += 5;
        total -= v;
        return field++ + second-- + total;
    }

    static int choice(boolean c, short s, int i) {
        return c ? s : i;
    }

    static int arrays(short i, int v) {
        int[] a = new int[4];

        a[i] += v;
        a[(short) (i + 1)] = a[i]++;
        Object o = a;
        return o instanceof int[] ? ((int[]) o)[i] + a.length + table[3] : 0;
    }

    /* One value in several forms at once. */
    static int forms(short s) {
        int x, y;
        short z;

        x = y = s;
        z = s;
        x += z = 3;
        return x ^ y << 3 ^ z >>> 2;
    }

    static int narrow(int v) {
        return (byte) (v >> 8) + (short) (v >>> 20 & ~v);
    }

    private int choose(byte ins, int v) {
        switch (ins) {
            case 1:
                return product((short) 300, v, (byte) -7);
            case 2:
                return loop(v % 100);
            case 3:
                return mean((short) v, (short) (v >> 16));
            case 4:
                return table(v);
            case 5:
                return lookup(v);
            case 6:
                return fields(v);
            case 7:
                return choice(v > 0, pad, v);
            case 8:
                return arrays((short) (v & 1), v);
            case 9:
                return forms((short) v);
            case 10:
                return narrow(v);
            case 11:
                return BIG / (v | 1) - BIG % (v | 2);
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
                return 0;
        }
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();

        if (selectingApplet())
            return;
        apdu.setIncomingAndReceive();
        int v = (b[5] & 0xFF) << 24 | (b[6] & 0xFF) << 16 | (b[7] & 0xFF) << 8 | b[8] & 0xFF;
        v = choose(b[ISO7816.OFFSET_INS], v);
        b[0] = (byte) (v >> 24);
        b[1] = (byte) (v >> 16);
        b[2] = (byte) (v >> 8);
        b[3] = (byte) v;
        apdu.setOutgoingAndSend((short) 0, (short) 4);
    }
}
