package user;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import lib.Tick;

/** Uses Server of another package: INS 10 keeps its object, 12 calls it, 14 makes an array. */
public class User extends Applet {
    private Tick server;
    private byte[] other;

    public static void install(byte[] data, short off, byte len) {
        new User().register(data, (short) (off + 1), data[off]);
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        if (selectingApplet())
            return;
        switch (buffer[ISO7816.OFFSET_INS]) {
        case 0x10:
            short n = apdu.setIncomingAndReceive();
            server = (Tick) JCSystem.getAppletShareableInterfaceObject(
                JCSystem.lookupAID(buffer, ISO7816.OFFSET_CDATA, (byte) n), (byte) 0);
            break;
        case 0x12:
            if (server == null)
                ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
            Util.setShort(buffer, (short) 0, server.tick());
            apdu.setOutgoingAndSend((short) 0, (short) 2);
            break;
        case 0x14:
            other = new byte[2];
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }
}
