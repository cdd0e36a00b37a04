package org.mintmark.single;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;
import org.mintmark.runtime.Shared;

/** An applet for one channel at a time, and a client of the other package. */
public class Single extends Applet implements Shared {
    private static final byte INS_SHARED = 0x1E; // call Shared of the applet named in the data, P1: which
    private static final byte INS_COMMAND = 0x20; // the header as it came
    private static final byte INS_EARLY = 0x22; // was the other package's applet there before register()?

    private static final byte[] MULTI = {
        (byte) 0xF0, 0x4D, 0x49, 0x4E, 0x54, 0x4D, 0x41, 0x52, 0x4B, (byte) 0xA3, 0x01
    };

    private final byte early;

    protected Single() {
        AID server = JCSystem.lookupAID(MULTI, (short) 0, (byte) MULTI.length);

        early = (byte) (server == null ? 2
                : JCSystem.getAppletShareableInterfaceObject(server, (byte) 0) == null ? 0 : 1);
    }

    public static void install(byte[] data, short offset, byte length) {
        new Single().register(data, (short) (offset + 1), data[offset]);
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        if (parameter == 2) {
            ISOException.throwIt(ISO7816.SW_UNKNOWN);
        }
        return this;
    }

    public short caller(byte[] to, short offset) {
        return JCSystem.getPreviousContextAID().getBytes(to, offset);
    }

    public short makeTransient() {
        return 0;
    }

    public short useTransient() {
        return 0;
    }

    private static short answer(Shared to, byte what, byte[] buffer) {
        if (what == 0) {
            return to.caller(buffer, (short) 0);
        }
        short result = what == 1 ? to.makeTransient() : to.useTransient();
        buffer[0] = (byte) (result >> 8);
        buffer[1] = (byte) result;
        return 2;
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        AID server;
        short n = 4;

        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case INS_SHARED:
            apdu.setIncomingAndReceive();
            server = JCSystem.lookupAID(buffer, ISO7816.OFFSET_CDATA, buffer[ISO7816.OFFSET_LC]);
            n = answer((Shared) JCSystem.getAppletShareableInterfaceObject(server, (byte) 0),
                    buffer[ISO7816.OFFSET_P1], buffer);
            break;
        case INS_EARLY:
            buffer[0] = early;
            n = 1;
            break;
        case INS_COMMAND:
        case ISO7816.INS_SELECT:
        case (byte) 0xC0:
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, n);
    }
}
