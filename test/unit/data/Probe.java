package probe;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import javacardx.apdu.ExtendedLength;

/** What the card's tests need an applet for. */
public final class Probe extends Applet implements ExtendedLength {
    private static final byte INS_PARAMETERS = 0x10; // install data, as install() got it
    private static final byte INS_THROW = 0x12;      // ISOException with reason P1P2
    private static final byte INS_COUNT = 0x14;      // persistent counter + 1
    private static final byte INS_LEAVE_OPEN = 0x16; // counter + 1 in a transaction left open
    private static final byte INS_SEND = 0x18;       // P1P2 bytes
    private static final byte INS_CRASH = 0x1A;      // array index out of bounds
    private static final byte INS_ECHO = 0x1C;       // the command's data
    private static final byte INS_SELECTED = 0x1E;   // how often select() and deselect() ran

    private static Object shared;

    private final byte[] parameters;
    private final byte[] big;
    private short count;
    private byte selects;
    private byte deselects;

    private Probe(byte[] data, short offset, byte length) {
        parameters = new byte[(short) (length & 0xFF)];
        Util.arrayCopyNonAtomic(data, offset, parameters, (short) 0, (short) parameters.length);
        big = new byte[(short) 1024];
    }

    public static void install(byte[] data, short offset, byte length) {
        Probe probe = new Probe(data, offset, length);
        short at = offset;
        at += (short) (data[at] + 1);
        at += (short) (data[at] + 1);
        if (data[at] > 0 && data[(short) (at + 1)] == (byte) 0xEE) { // asked to fail
            ISOException.throwIt((short) 0x6A81);
        }
        if (data[at] > 0 && data[(short) (at + 1)] == (byte) 0xED) { // asked not to register
            return;
        }
        if (data[at] > 0 && data[(short) (at + 1)] == (byte) 0xEC) { // asked to stay reachable
            shared = probe;
        }
        probe.register(data, (short) (offset + 1), data[offset]);
    }

    public boolean select() {
        selects++;
        return true;
    }

    public void deselect() {
        deselects++;
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        short p = Util.getShort(buffer, ISO7816.OFFSET_P1);

        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case INS_PARAMETERS:
            apdu.setOutgoing();
            apdu.setOutgoingLength((short) parameters.length);
            apdu.sendBytesLong(parameters, (short) 0, (short) parameters.length);
            break;
        case INS_THROW:
            ISOException.throwIt(p);
            break;
        case INS_COUNT:
            count++;
            Util.setShort(buffer, (short) 0, count);
            apdu.setOutgoingAndSend((short) 0, (short) 2);
            break;
        case INS_LEAVE_OPEN:
            JCSystem.beginTransaction();
            count++;
            break;
        case INS_SEND:
            apdu.setOutgoing();
            apdu.setOutgoingLength(p);
            apdu.sendBytesLong(big, (short) 0, p);
            break;
        case INS_CRASH:
            big[p] = 0;
            break;
        case INS_ECHO:
            p = apdu.setIncomingAndReceive();
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, p);
            break;
        case INS_SELECTED:
            buffer[0] = selects;
            buffer[1] = deselects;
            apdu.setOutgoingAndSend((short) 0, (short) 2);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }
}
