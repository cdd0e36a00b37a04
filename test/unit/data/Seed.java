package org.seed;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Shareable;
import javacard.framework.Util;

/* One of everything that a CAP file can hold without int. */
public class Seed extends Applet implements Counter {
    private static final byte[] TABLE = { 1, 2, 3, 4 };
    private static final short[] SHORTS = { 0x0102, 0x0304 };
    private static short count = 7;
    private static byte[] none;
    private Object first;
    private short value;
    private byte kind;

    private Seed() {
        first = new byte[8];
    }

    public static void install(byte[] data, short off, byte len) {
        new Seed().register();
    }

    public Shareable getShareableInterfaceObject(javacard.framework.AID aid, byte p) {
        return this;
    }

    public short next(short by) {
        count += by;
        value = count;
        return count;
    }

    private static short pick(short v) {
        switch (v) {
        case 0: return 10;
        case 1: return 20;
        case 2: return 30;
        default: return -1;
        }
    }

    private short look(short v) {
        switch (v) {
        case -100: return 1;
        case 0: return 2;
        case 1000: return 3;
        default: return (short) (v % 3);
        }
    }

    private short divide(short a, short b) {
        try {
            try {
                return (short) (a / b);
            } catch (ArithmeticException e) {
                return 0;
            } finally {
                kind++;
            }
        } catch (RuntimeException e) {
            ISOException.throwIt((short) 0x6F01);
            return 1;
        }
    }

    public boolean select() {
        return super.select() && kind < 100;
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        if (selectingApplet())
            return;
        Counter c = this;
        Object o = first;
        switch (b[ISO7816.OFFSET_INS]) {
        case 1: Util.setShort(b, (short) 0, c.next((short) 2)); break;
        case 2: Util.setShort(b, (short) 0, pick(b[2])); break;
        case 3: Util.setShort(b, (short) 0, look(b[2])); break;
        case 4: Util.setShort(b, (short) 0, divide(b[2], b[3])); break;
        case 5:
            if (o instanceof byte[] && !(o instanceof Seed))
                Util.arrayCopy(TABLE, (short) 0, (byte[]) o, (short) 0, (short) TABLE.length);
            Util.setShort(b, (short) 0, SHORTS[1]);
            break;
        default: ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, (short) 2);
    }
}
