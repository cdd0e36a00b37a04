package org.mintmark.constructs;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;
import javacard.framework.Util;
import org.mintmark.library.Counter;

/** One instruction (INS) per construct; each answers two bytes, or an exception's reason. */
public class Constructs extends Applet implements Shared, Both {
    static final byte[] BYTES = { 1, -2, 3, (byte) 0x80 };
    static final short[] SHORTS = { 1000, -1000, (short) 0x8000 };
    static final boolean[] FLAGS = { true, false, true };
    static final byte[] EMPTY = {};
    static final short SMALL = 12;
    static final short LARGE = 0x1234;
    static short count = 5;
    static byte small = -3;
    static boolean flag;
    static Object kept;

    public short open;
    protected Object guarded;
    private byte[] buffer;
    private short number;
    private byte octet;
    private boolean truth;
    private final Step step;

    interface Step {
        short apply(short x);
    }

    abstract static class Base implements Step {
        short hidden() {
            return 1;
        }

        public abstract short open();

        protected short guarded() {
            return 3;
        }
    }

    static class Derived extends Base {
        public short apply(short x) {
            return (short) (x + 1);
        }

        short hidden() {
            return (short) (super.hidden() + 10);
        }

        public short open() {
            return 2;
        }
    }

    static class Last extends Derived {
        public boolean equals(Object o) {
            return o instanceof Last;
        }
    }

    static class Own extends Counter {
        Own() {
            super((short) 40);
        }

        public short next() {
            note((byte) 1);
            return ++value;
        }

        public short step(short by) {
            value += by;
            return value;
        }

        public void reset() {
            value = 0;
        }
    }

    class Inner {
        private short mine = 3;

        short sum() {
            return (short) (mine + number);
        }
    }

    static class Trouble extends Exception {
        final short why;

        Trouble(short why) {
            this.why = why;
        }
    }

    private Constructs() {
        buffer = JCSystem.makeTransientByteArray((short) 8, JCSystem.CLEAR_ON_RESET);
        number = 4;
        step = new Step() {
            public short apply(short x) {
                return (short) (x * number);
            }
        };
    }

    public static void install(byte[] data, short off, byte len) {
        new Constructs().register(data, (short) (off + 1), data[off]);
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return this;
    }

    public void process(APDU apdu) {
        byte[] buf = apdu.getBuffer();
        if (selectingApplet()) {
            return;
        }
        short a = Util.getShort(buf, ISO7816.OFFSET_P1);
        short r;
        switch (buf[ISO7816.OFFSET_INS]) {
            case 0x01:
                r = arithmetic(a);
                break;
            case 0x02:
                r = fields(a);
                break;
            case 0x03:
                r = arrays(a);
                break;
            case 0x04:
                r = objects(a);
                break;
            case 0x05:
                r = exceptions(a);
                break;
            case 0x06:
                r = sparse(a);
                break;
            case 0x07:
                r = loops(a);
                break;
            case 0x08:
                r = library(a);
                break;
            case 0x09:
                r = bits(buf, a);
                break;
            default:
                r = 0;
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        Util.setShort(buf, (short) 0, r);
        apdu.setOutgoingAndSend((short) 0, (short) 2);
    }

    private short arithmetic(short a) {
        short b = (short) (a * 3 - 7);
        b = (short) (b / 2 + b % 5);
        b = (short) -b;
        b += 300;
        b++;
        b -= 2;
        byte c = (byte) b;
        c ^= 0x5A;
        return (short) (b * 7 + c);
    }

    private short bits(byte[] buf, short a) {
        short x = (short) ((buf[2] & 0xFF) << 8 | buf[3] & 0xFF);
        short y = (short) (a >> 3);
        short z = (short) (a >>> 4);
        short v = (short) (a << 2);
        boolean same = x == a;
        boolean both = same & y < z | v == 0;
        return (short) (x ^ y ^ z ^ v ^ (both ? 1 : 2) ^ (same ? 0x100 : 0));
    }

    private short fields(short a) {
        count++;
        count += a;
        small = (byte) (small - 1);
        flag = !flag;
        number = a;
        this.octet = (byte) a;
        truth = a > 0 && number != 5 || flag;
        open = number--;
        guarded = kept;
        octet++;
        return (short) (count + small + number + octet + open + (truth ? SMALL : LARGE));
    }

    private short arrays(short a) {
        short[] s = new short[4];
        byte[] b = new byte[(short) (a & 7)];
        boolean[] f = new boolean[2];
        Object[] o = new Object[3];
        s[1] = a;
        s[1] += 3;
        s[2]++;
        f[1] = true;
        o[0] = b;
        o[1] = s;
        buffer[0] = BYTES[3];
        if (o[0] instanceof byte[] && !(o[1] instanceof byte[]) && FLAGS[2] && f[1]) {
            b = (byte[]) o[0];
        }
        return (short) (s[1] + s[2] + b.length + o.length + buffer[0] + SHORTS[2] + EMPTY.length);
    }

    private short objects(short a) {
        Base b = new Derived();
        Step s = b;
        Inner i = this.new Inner();
        short r = (short) (b.hidden() * 100 + b.open() * 10 + b.guarded());
        r += s.apply(a);
        r += step.apply((short) 2);
        r += i.sum();
        r += i.mine;
        Last last = new Last();
        if (last.equals(b) || !last.equals((Object) last)) {
            r = -1;
        }
        Both both = this;
        both.second();
        r += both.first();
        kept = s instanceof Derived ? (Object) s : null;
        return (short) (r + ((Base) kept).open());
    }

    private short exceptions(short a) {
        short r = 0;
        try {
            try {
                r += risky(a);
            } catch (Trouble t) {
                r += t.why;
            } finally {
                r += 1000;
            }
        } catch (ArithmeticException e) {
            r += 1;
        } catch (IndexOutOfBoundsException e) {
            r += 2;
        } catch (RuntimeException e) {
            r += 4;
        }
        return r;
    }

    private short risky(short a) throws Trouble {
        byte[] none = null;
        try {
            switch (a) {
                case 0:
                    return (short) (7 / a);
                case 1:
                    return BYTES[(short) (a + 9)];
                case 2:
                    return none[0];
                case 3:
                    throw new Trouble((short) 77);
                default:
                    return 50;
            }
        } finally {
            count = 0;
        }
    }

    private short sparse(short a) {
        switch (a) {
            case -30000:
                return 1;
            case 0:
                return 2;
            case 25000:
                return 3;
            default:
                return 4;
        }
    }

    private short loops(short a) {
        short r = 0;
        outer:
        for (short i = 0; i < a; i++) {
            for (byte j = 0; j < 10; j++) {
                if (j == 5) {
                    continue outer;
                }
                if (r > 300) {
                    break outer;
                }
                r += j;
            }
        }
        do {
            r--;
        } while (r > 100);
        while (true) {
            if (r++ >= 101) {
                return r;
            }
        }
    }

    private short library(short a) {
        Own own = new Own();
        own.reset();
        own.value = a;
        own.next();
        own.step((short) 5);
        kept = Counter.PRIMES; // the reference only: the firewall guards the array itself
        return (short) (own.value + Counter.twice(a) + Counter.LIMIT + Counter.made);
    }

    public short share(byte x) {
        return (short) (x * 2 + KIND);
    }

    public short first() {
        return 11;
    }

    public void second() {
        number = 9;
    }
}
