package org.mintmark.exchange;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import org.globalplatform.securechannel.SecureChannelProtocol;

/** Talks through a secure channel that an applet of another package gives it (org.mintmark.gp, Keeper). */
public final class Borrower extends Applet {
    private static final byte[] LENDER = {(byte) 0xF0, 0x4D, 0x49, 0x4E, 0x54, 0x4D, 0x41, 0x52, 0x4B,
        (byte) 0xA6, 0x04};

    private final byte[] own = new byte[64];

    public static void install(byte[] data, short offset, byte length) {
        new Borrower().register(data, (short) (offset + 1), data[offset]);
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] b = apdu.getBuffer();
        SecureChannelProtocol channel = (SecureChannelProtocol) JCSystem
                .getAppletShareableInterfaceObject(
                        JCSystem.lookupAID(LENDER, (short) 0, (byte) LENDER.length), (byte) 0);
        short n;
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x50:
        case (byte) 0x82:
            n = channel.processSecurity(apdu);
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, n);
            break;
        case 0x40:
            b[0] = channel.getSecurityLevel();
            apdu.setOutgoingAndSend((short) 0, (short) 1);
            break;
        case 0x44: // the data, unwrapped in an array of this applet's own
            n = (short) (apdu.setIncomingAndReceive() + ISO7816.OFFSET_CDATA);
            Util.arrayCopyNonAtomic(b, (short) 0, own, (short) 0, n);
            n = (short) (channel.unwrap(own, (short) 0, n) - ISO7816.OFFSET_CDATA);
            Util.arrayCopyNonAtomic(own, ISO7816.OFFSET_CDATA, b, (short) 0, n);
            apdu.setOutgoingAndSend((short) 0, n);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }
}
