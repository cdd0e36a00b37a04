package org.mintmark.gp;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.MultiSelectable;
import javacard.framework.Shareable;
import javacard.framework.SystemException;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.DESKey;
import javacard.security.Key;
import javacard.security.KeyBuilder;
import org.globalplatform.securechannel.SecureChannelKeys;
import org.globalplatform.securechannel.SecureChannelProtocol;
import org.globalplatform.securechannel.provider.SecureChannelProvider;

/** Talks through secure channels with keys of its own. A SystemException is told as 6F00 and reason. */
public final class Keeper extends Applet implements MultiSelectable {
    private static final short SW_LENGTH = 2;
    private static final short ROOM = 300;

    private final byte[] work = JCSystem.makeTransientByteArray(ROOM, JCSystem.CLEAR_ON_RESET);
    private final Key[] keys = new Key[3];
    private SecureChannelProtocol channel;

    public static void install(byte[] data, short off, byte len) {
        new Keeper().register(data, (short) (off + 1), data[off]);
    }

    public boolean select(boolean active) {
        return true;
    }

    public void deselect(boolean active) {
    }

    /** The channel, for whoever asks. */
    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return channel;
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] b = apdu.getBuffer();
        try {
            switch (b[ISO7816.OFFSET_INS]) {
            case 0x50:
            case (byte) 0x82:
                short n = channel.processSecurity(apdu);
                apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, n);
                break;
            case 0x42:
            case 0x44:
                answer(apdu, b[ISO7816.OFFSET_INS] == 0x42);
                break;
            case 0x4A:
                answerInParts(apdu);
                break;
            default:
                n = tell(b, apdu.setIncomingAndReceive());
                apdu.setOutgoingAndSend((short) 0, n);
            }
        } catch (SystemException e) {
            ISOException.throwIt((short) (0x6F00 + e.getReason()));
        }
    }

    private SecureChannelKeys held() {
        return (SecureChannelKeys) channel;
    }

    /** What is done without secure messaging. */
    private short tell(byte[] b, short n) {
        byte p1 = b[ISO7816.OFFSET_P1];
        byte p2 = b[ISO7816.OFFSET_P2];
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x10:
            channel = SecureChannelProvider.createNewInstance(p1, b, ISO7816.OFFSET_CDATA, n,
                    SecureChannelProvider.BUFFERTYPE_ANY);
            return 0;
        case 0x12:
            held().setMasterKey(b, ISO7816.OFFSET_CDATA, n, p1, p2);
            return 0;
        case 0x14:
            held().setMasterKey(made(b, n, p1, p2), p2);
            return 0;
        case 0x16:
            held().resetMasterKeys();
            return 0;
        case 0x18:
            held().setSpecificParameter(p2, b, ISO7816.OFFSET_CDATA, n);
            return 0;
        case 0x40:
            b[0] = channel.getSecurityLevel();
            return 1;
        case 0x46:
            channel.resetSecurity();
            return 0;
        case 0x48:
            channel.setSecurityLevel(p1);
            return 0;
        case 0x4C:
        case 0x4E:
            return inParts(b, n, p1, b[ISO7816.OFFSET_INS] == 0x4C);
        case 0x60: // a command in the data
            return channel.processSecurity(b, ISO7816.OFFSET_CDATA, n, b, (short) 0);
        case 0x62: // is the key that was told last still there?
            b[0] = keys[p1].isInitialized() ? (byte) 1 : (byte) 0;
            return 1;
        case 0x64: // a key told in a transaction that is aborted
            JCSystem.beginTransaction();
            held().setMasterKey(b, ISO7816.OFFSET_CDATA, n, p1, p2);
            JCSystem.abortTransaction();
            return 0;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
            return 0;
        }
    }

    private Key made(byte[] b, short n, byte type, byte usage) {
        Key key = KeyBuilder.buildKey(type, (short) (n * 8), false);
        if (type == KeyBuilder.TYPE_AES) {
            ((AESKey) key).setKey(b, ISO7816.OFFSET_CDATA);
        } else {
            ((DESKey) key).setKey(b, ISO7816.OFFSET_CDATA);
        }
        keys[(short) (usage - 1)] = key;
        return key;
    }

    /** The data, deciphered under the session's key for data on request. */
    private void answer(APDU apdu, boolean decipher) {
        byte[] b = apdu.getBuffer();
        short n = apdu.setIncomingAndReceive();
        n = channel.unwrap(b, (short) 0, (short) (n + ISO7816.OFFSET_CDATA));
        n -= ISO7816.OFFSET_CDATA;
        if (decipher) {
            n = channel.decryptData(b, ISO7816.OFFSET_CDATA, n);
        }
        Util.setShort(b, (short) (ISO7816.OFFSET_CDATA + n), ISO7816.SW_NO_ERROR);
        n = channel.wrap(b, ISO7816.OFFSET_CDATA, (short) (n + SW_LENGTH));
        apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, n);
    }

    /** The data; command and response go through the channel in parts of seven bytes. */
    private void answerInParts(APDU apdu) {
        byte[] b = apdu.getBuffer();
        short n = (short) (apdu.setIncomingAndReceive() + ISO7816.OFFSET_CDATA);
        short at = 0;
        channel.initUnwrap();
        for (; (short) (n - at) > 7; at += 7) {
            channel.updateUnwrap(b, at, (short) 7, work, (short) 0);
        }
        n = channel.doFinalUnwrap(b, at, (short) (n - at), work, (short) 0);
        n -= ISO7816.OFFSET_CDATA;
        short whole = channel.initWrap(n);
        for (at = 0; (short) (n - at) > 7; at += 7) {
            channel.updateWrap(work, (short) (ISO7816.OFFSET_CDATA + at), (short) 7, b, (short) 0);
        }
        n = channel.doFinalWrap(work, (short) (ISO7816.OFFSET_CDATA + at), (short) (n - at),
                ISO7816.SW_NO_ERROR, b, (short) 0);
        if (n != whole) {
            ISOException.throwIt(ISO7816.SW_UNKNOWN);
        }
        apdu.setOutgoingAndSend((short) 0, n);
    }

    /** The data under the session's key for data, taken in parts of that size. */
    private short inParts(byte[] b, short n, short size, boolean encipher) {
        short at = 0;
        short out = 0;
        if (encipher) {
            channel.initEncryptData();
        } else {
            channel.initDecryptData();
        }
        for (; (short) (n - at) > size; at += size) {
            short from = (short) (ISO7816.OFFSET_CDATA + at);
            out += encipher ? channel.updateEncryptData(b, from, size, work, out)
                    : channel.updateDecryptData(b, from, size, work, out);
        }
        short from = (short) (ISO7816.OFFSET_CDATA + at);
        short last = (short) (n - at);
        out += encipher ? channel.doFinalEncryptData(b, from, last, work, out)
                : channel.doFinalDecryptData(b, from, last, work, out);
        return Util.arrayCopyNonAtomic(work, (short) 0, b, (short) 0, out);
    }
}
