package org.mintmark.upgrade2;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.Util;

/** Knows nothing of upgrades: it is installed anew. */
public final class Plain extends Applet {
    private short counter;

    private Plain(byte[] b, short off) {
        register(b, (short) (off + 1), b[off]);
    }

    public static void install(byte[] b, short off, byte len) {
        new Plain(b, off);
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        if (selectingApplet())
            return;
        Util.setShort(b, (short) 0, (short) 0x0200);
        Util.setShort(b, (short) 2, ++counter);
        apdu.setOutgoingAndSend((short) 0, (short) 4);
    }
}
