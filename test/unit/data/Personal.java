package personal;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Util;
import org.globalplatform.Application;
import org.globalplatform.GPSystem;

/** Gets its data from STORE DATA of its domain; locks and terminates the card when it may. */
public class Personal extends Applet implements Application {
    private final byte[] data = new byte[64];
    private short length;
    private byte level;

    public static void install(byte[] data, short off, byte len) {
        new Personal().register(data, (short) (off + 1), data[off]);
    }

    /** data: level of the channel, the command with its header. FF as first byte: refused. */
    public void processData(byte[] command, short off, short len) {
        if (command[(short) (off + 5)] == (byte) 0xFF) {
            ISOException.throwIt(ISO7816.SW_DATA_INVALID);
        }
        level = GPSystem.getSecureChannel().getSecurityLevel();
        Util.arrayCopy(command, off, data, (short) 0, len);
        length = len;
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case 0x10:
            buffer[0] = level;
            Util.arrayCopy(data, (short) 0, buffer, (short) 1, length);
            apdu.setOutgoingAndSend((short) 0, (short) (length + 1));
            break;
        case 0x12:
            if (!GPSystem.lockCard()) {
                ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
            }
            break;
        case 0x14:
            if (!GPSystem.terminateCard()) {
                ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
            }
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }
}
