package org.mintmark.transit;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.KeyBuilder;
import javacard.security.Signature;

import org.globalplatform.GPSystem;
import org.globalplatform.SecureChannel;

/**
 * Transit pass: a period in which every ride is free, and a stock of single trips for other days.
 * docs/protocol.md has the commands, the README of this folder the status words. Each change is one
 * transaction and raises the counter, and its answer carries a MAC that a gate can check.
 */
public final class Transit extends Applet {
    private static final byte CLA_PLAIN = (byte) 0x80;
    private static final byte CLA_SECURE = (byte) 0x84;

    private static final byte INS_INITIALIZE_UPDATE = (byte) 0x50;
    private static final byte INS_SET_PASS = (byte) 0x60;
    private static final byte INS_TAP_IN = (byte) 0x62;
    private static final byte INS_TAP_OUT = (byte) 0x64;
    private static final byte INS_STATUS = (byte) 0x66;
    private static final byte INS_EXTERNAL_AUTHENTICATE = (byte) 0x82;
    private static final byte INS_STORE_DATA = (byte) 0xE2;

    /** Persistent data, laid out as GET STATUS answers it. */
    private static final short D_STATE = 0;
    private static final short D_ID = 1;
    private static final short D_FROM = 9;
    private static final short D_TO = 13;
    private static final short D_TRIPS = 17;
    private static final short D_COUNTER = 19;
    private static final short D_LEN = 23;
    private static final short ID_LEN = 8;
    private static final short DAY_LEN = 4;
    private static final short COUNTER_LEN = 4;
    /** From, to, trips: the fields of SET PASS. */
    private static final short PASS_LEN = 10;

    private static final byte OUTSIDE = (byte) 0;
    private static final byte INSIDE = (byte) 1;

    private static final short KEY_LEN = 16;
    private static final short MAC_LEN = 16;
    private static final short GATE_LEN = 4;
    private static final short TAP_LEN = 8;
    private static final short DATA_MAX = 120;

    /** Transient: the data as it is to become, then the MAC message, then room for a MAC. */
    private static final short W_MESSAGE = D_LEN;
    private static final short W_MAC = 64;
    private static final short W_LEN = 80;

    private final byte[] data;
    private final byte[] work;
    private final AESKey key;
    private final Signature cmac;
    private boolean personalised;

    private Transit() {
        data = new byte[D_LEN];
        work = JCSystem.makeTransientByteArray(W_LEN, JCSystem.CLEAR_ON_DESELECT);
        key = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
        cmac = Signature.getInstance(Signature.ALG_AES_CMAC_128, false);
    }

    public static void install(byte[] params, short off, byte len) {
        Transit transit = new Transit();
        transit.register(params, (short) (off + 1), params[off]);
    }

    public void deselect() {
        GPSystem.getSecureChannel().resetSecurity();
    }

    public void process(APDU apdu) {
        byte[] buf = apdu.getBuffer();

        if (selectingApplet()) {
            return;
        }
        switch (buf[ISO7816.OFFSET_CLA]) {
        case CLA_PLAIN:
            processPlain(apdu, buf);
            break;
        case CLA_SECURE:
            processSecure(apdu, buf);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_CLA_NOT_SUPPORTED);
        }
    }

    private void processPlain(APDU apdu, byte[] buf) {
        short len = 0;

        switch (buf[ISO7816.OFFSET_INS]) {
        case INS_INITIALIZE_UPDATE:
            secureChannelCommand(apdu);
            return;
        case INS_SET_PASS:
            len = setPass(buf, receive(apdu));
            break;
        case INS_TAP_IN:
            len = tapIn(buf, receive(apdu));
            break;
        case INS_TAP_OUT:
            len = tapOut(buf, receive(apdu));
            break;
        case INS_STATUS:
            requirePersonalised();
            len = Util.arrayCopyNonAtomic(data, D_STATE, buf, (short) 0, D_LEN);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, len);
    }

    private void processSecure(APDU apdu, byte[] buf) {
        short len;

        switch (buf[ISO7816.OFFSET_INS]) {
        case INS_EXTERNAL_AUTHENTICATE:
            secureChannelCommand(apdu);
            break;
        case INS_STORE_DATA:
            len = receive(apdu);
            personalise(buf, unwrap(buf, len));
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    /** The channel reads the command itself and leaves its answer behind the header. */
    private static void secureChannelCommand(APDU apdu) {
        short len = GPSystem.getSecureChannel().processSecurity(apdu);
        if (len > 0) {
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, len);
        }
    }

    /** Plain data length of a command that came with MAC and encryption, and with nothing less. */
    private static short unwrap(byte[] buf, short len) {
        SecureChannel channel = GPSystem.getSecureChannel();
        byte needed = (byte) (SecureChannel.AUTHENTICATED | SecureChannel.C_MAC
                | SecureChannel.C_DECRYPTION);
        if ((byte) (channel.getSecurityLevel() & needed) != needed) {
            ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
        }
        len = channel.unwrap(buf, (short) 0, (short) (len + ISO7816.OFFSET_CDATA));
        return (short) (len - ISO7816.OFFSET_CDATA);
    }

    /** All command data into the buffer; the card may hand it over in pieces. */
    private static short receive(APDU apdu) {
        short got = apdu.setIncomingAndReceive();
        short all = apdu.getIncomingLength();
        if (all > DATA_MAX || apdu.getOffsetCdata() != ISO7816.OFFSET_CDATA) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        while (got < all) {
            got = (short) (got + apdu.receiveBytes((short) (ISO7816.OFFSET_CDATA + got)));
        }
        return got;
    }

    private void requirePersonalised() {
        if (!personalised) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    private static void requireLength(short len, short expected) {
        if (len != expected) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
    }

    /** STORE DATA: id, key. The key first, so that a torn personalisation can be done again. */
    private void personalise(byte[] buf, short len) {
        short at = ISO7816.OFFSET_CDATA;

        if (personalised) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
        requireLength(len, (short) (ID_LEN + KEY_LEN));
        key.setKey(buf, (short) (at + ID_LEN));
        JCSystem.beginTransaction();
        Util.arrayCopy(buf, at, data, D_ID, ID_LEN);
        personalised = true;
        JCSystem.commitTransaction();
        Util.arrayFillNonAtomic(buf, at, len, (byte) 0);
    }

    /** Data: from, to, trips, MAC over what the pass is now and what it is to become. */
    private short setPass(byte[] buf, short len) {
        short at = ISO7816.OFFSET_CDATA;

        requirePersonalised();
        requireLength(len, (short) (PASS_LEN + MAC_LEN));
        short n = beginMessage((byte) 'P', (byte) '1', data);
        n = Util.arrayCopyNonAtomic(buf, at, work, n, PASS_LEN);
        sign(n);
        if (!macIsRight(buf, (short) (at + PASS_LEN))) {
            ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
        }
        if (compareDays(buf, at, buf, (short) (at + DAY_LEN)) > 0) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        draft();
        Util.arrayCopyNonAtomic(buf, at, work, D_FROM, PASS_LEN);
        commit();
        return Util.arrayCopyNonAtomic(data, D_COUNTER, buf, (short) 0, COUNTER_LEN);
    }

    /** Data: gate, day. Answer: trips left, counter, MAC. */
    private short tapIn(byte[] buf, short len) {
        short at = ISO7816.OFFSET_CDATA;
        short day = (short) (at + GATE_LEN);

        requirePersonalised();
        requireLength(len, TAP_LEN);
        if (data[D_STATE] == INSIDE) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
        draft();
        if (!periodCovers(buf, day)) {
            useTrip();
        }
        work[D_STATE] = INSIDE;
        short n = beginMessage((byte) 'T', (byte) '1', work);
        n = Util.arrayCopyNonAtomic(buf, at, work, n, TAP_LEN);
        n = Util.arrayCopyNonAtomic(work, D_TRIPS, work, n, (short) 2);
        sign(n);
        commit();
        short out = Util.arrayCopyNonAtomic(data, D_TRIPS, buf, (short) 0, (short) 2);
        out = Util.arrayCopyNonAtomic(data, D_COUNTER, buf, out, COUNTER_LEN);
        return Util.arrayCopyNonAtomic(work, W_MAC, buf, out, MAC_LEN);
    }

    /** Data: gate, day. Answer: counter, MAC. */
    private short tapOut(byte[] buf, short len) {
        requirePersonalised();
        requireLength(len, TAP_LEN);
        if (data[D_STATE] != INSIDE) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
        draft();
        work[D_STATE] = OUTSIDE;
        short n = beginMessage((byte) 'T', (byte) '2', work);
        n = Util.arrayCopyNonAtomic(buf, ISO7816.OFFSET_CDATA, work, n, TAP_LEN);
        sign(n);
        commit();
        short out = Util.arrayCopyNonAtomic(data, D_COUNTER, buf, (short) 0, COUNTER_LEN);
        return Util.arrayCopyNonAtomic(work, W_MAC, buf, out, MAC_LEN);
    }

    /** Copy the data to where it may be changed, with the next counter in it. */
    private void draft() {
        Util.arrayCopyNonAtomic(data, (short) 0, work, (short) 0, D_LEN);
        short carry = 1;
        for (short i = (short) (COUNTER_LEN - 1); i >= 0; i--) {
            short sum = (short) (work[(short) (D_COUNTER + i)] & 0xFF);
            sum = (short) (sum + carry);
            work[(short) (D_COUNTER + i)] = (byte) sum;
            carry = (short) (sum >> 8);
        }
        if (carry != 0) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    private void commit() {
        JCSystem.beginTransaction();
        Util.arrayCopy(work, (short) 0, data, (short) 0, D_LEN);
        JCSystem.commitTransaction();
    }

    /** A pass that was never set has from = to = 0; day 0 belongs to no period. */
    private boolean periodCovers(byte[] buf, short day) {
        boolean noPeriod = Util.getShort(work, D_TO) == 0
                && Util.getShort(work, (short) (D_TO + 2)) == 0;
        return !noPeriod && compareDays(work, D_FROM, buf, day) <= 0
                && compareDays(buf, day, work, D_TO) <= 0;
    }

    private void useTrip() {
        short trips = Util.getShort(work, D_TRIPS);
        if (trips == 0) {
            ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
        }
        Util.setShort(work, D_TRIPS, (short) (trips - 1));
    }

    /** -1, 0 or 1, bytes compared unsigned. */
    private static byte compareDays(byte[] a, short aOff, byte[] b, short bOff) {
        for (short i = 0; i < DAY_LEN; i++) {
            short x = (short) (a[(short) (aOff + i)] & 0xFF);
            short y = (short) (b[(short) (bOff + i)] & 0xFF);
            if (x < y) {
                return (byte) -1;
            }
            if (x > y) {
                return (byte) 1;
            }
        }
        return (byte) 0;
    }

    /** Label, pass id and the counter in from; the position behind them. */
    private short beginMessage(byte kind, byte number, byte[] from) {
        work[W_MESSAGE] = kind;
        work[(short) (W_MESSAGE + 1)] = number;
        short n = Util.arrayCopyNonAtomic(data, D_ID, work, (short) (W_MESSAGE + 2), ID_LEN);
        return Util.arrayCopyNonAtomic(from, D_COUNTER, work, n, COUNTER_LEN);
    }

    private void sign(short end) {
        cmac.init(key, Signature.MODE_SIGN);
        cmac.sign(work, W_MESSAGE, (short) (end - W_MESSAGE), work, W_MAC);
    }

    /** Compare in constant time: every byte is looked at, whatever the ones before said. */
    private boolean macIsRight(byte[] mac, short off) {
        short different = 0;
        for (short i = 0; i < MAC_LEN; i++) {
            short x = (short) (work[(short) (W_MAC + i)] ^ mac[(short) (off + i)]);
            different = (short) (different | x);
        }
        Util.arrayFillNonAtomic(work, W_MAC, MAC_LEN, (byte) 0);
        return different == 0;
    }
}
