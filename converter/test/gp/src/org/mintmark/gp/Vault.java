package org.mintmark.gp;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import org.globalplatform.GPSystem;
import org.globalplatform.SecureChannel;

/** Talks through the secure channel of its domain, whichever protocol the host chose. */
public final class Vault extends Applet {
    private static final short SW_LENGTH = 2;

    public static void install(byte[] data, short off, byte len) {
        new Vault().register(data, (short) (off + 1), data[off]);
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] b = apdu.getBuffer();
        SecureChannel channel = GPSystem.getSecureChannel();
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x2A: // PERFORM SECURITY OPERATION, MUTUAL and INTERNAL AUTHENTICATE
        case (byte) 0x82:
        case (byte) 0x88:
            short n = channel.processSecurity(apdu);
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, n);
            break;
        case 0x40: // security level, in the clear
            b[0] = channel.getSecurityLevel();
            apdu.setOutgoingAndSend((short) 0, (short) 1);
            break;
        case 0x42: // the data, deciphered under the session's key for data
            answer(apdu, channel, true);
            break;
        case 0x44: // the data
            answer(apdu, channel, false);
            break;
        case 0x46:
            channel.resetSecurity();
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    private static void answer(APDU apdu, SecureChannel channel, boolean decipher) {
        byte[] b = apdu.getBuffer();
        short n = apdu.setIncomingAndReceive();
        n = channel.unwrap(b, (short) 0, (short) (n + ISO7816.OFFSET_CDATA));
        n -= ISO7816.OFFSET_CDATA;
        if (decipher) {
            n = channel.decryptData(b, ISO7816.OFFSET_CDATA, n);
        }
        b[(short) (ISO7816.OFFSET_CDATA + n)] = (byte) 0x90;
        b[(short) (ISO7816.OFFSET_CDATA + n + 1)] = 0;
        n = channel.wrap(b, ISO7816.OFFSET_CDATA, (short) (n + SW_LENGTH));
        apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, n);
    }
}
