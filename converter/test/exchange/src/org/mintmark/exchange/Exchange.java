package org.mintmark.exchange;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.TransactionException;
import javacard.framework.Util;
import javacardx.apdu.ExtendedLength;

/** Long commands and answers, transactions left in every state, and ways to end a command. */
public final class Exchange extends Applet implements ExtendedLength {
    private static final byte INS_ECHO = 0x10;   // all the data back
    private static final byte INS_FORM = 0x12;   // OffsetCdata, IncomingLength, setOutgoing, bytes 4 to 6
    private static final byte INS_END = 0x14;    // P1: end by an exception of that kind, P2P2 its reason
    private static final byte INS_TX = 0x16;     // P1: what to do, answer: reason of what was thrown
    private static final byte INS_VALUE = 0x18;  // the field that INS_TX changes
    private static final byte INS_LEAVE = 0x1A;  // P1: where to leave a transaction open
    private static final byte INS_STREAM = 0x1C; // P1P2 bytes, 100 at a time

    private final byte[] store;
    private final byte[] large;
    private short value;
    private byte leave; // 1 in select(), 2 in deselect()

    private Exchange() {
        store = new byte[(short) 32767];
        large = new byte[(short) 32767];
    }

    public static void install(byte[] data, short offset, byte length) {
        new Exchange().register(data, (short) (offset + 1), data[offset]);
    }

    public boolean select() {
        if (leave == 1) {
            leave = 0;
            JCSystem.beginTransaction();
            value = 100;
        }
        return true;
    }

    public void deselect() {
        if (leave == 2) {
            JCSystem.beginTransaction();
            value = 200;
        }
    }

    private short receive(APDU apdu, byte[] buffer) {
        short n = apdu.setIncomingAndReceive();
        short from = apdu.getOffsetCdata();
        short at = 0;

        while (n > 0) {
            Util.arrayCopyNonAtomic(buffer, from, store, at, n);
            at += n;
            from = 0;
            n = apdu.receiveBytes((short) 0);
        }
        return at;
    }

    private static void end(byte how, short reason) {
        switch (how) {
        case 0:
            ISOException.throwIt(reason);
            break;
        case 1:
            throw new NullPointerException();
        case 2:
            TransactionException.throwIt(reason);
            break;
        default:
            JCSystem.beginTransaction();
            ISOException.throwIt(reason);
        }
    }

    private short transaction(byte what) {
        try {
            switch (what) {
            case 0:
                JCSystem.beginTransaction();
                value++;
                JCSystem.beginTransaction();
                break;
            case 1:
                JCSystem.commitTransaction();
                break;
            case 2:
                JCSystem.abortTransaction();
                break;
            case 3:
                JCSystem.beginTransaction();
                value++;
                Util.arrayCopy(large, (short) 0, store, (short) 0, (short) 32767);
                break;
            case 4:
                JCSystem.beginTransaction();
                value++;
                JCSystem.abortTransaction();
                break;
            default:
                JCSystem.beginTransaction();
                value++;
                JCSystem.commitTransaction();
            }
        } catch (TransactionException e) {
            return (short) (e.getReason() | JCSystem.getTransactionDepth() << 8);
        }
        return 0;
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        byte p1 = buffer[ISO7816.OFFSET_P1];
        short p = Util.getShort(buffer, ISO7816.OFFSET_P1);
        short n;

        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case INS_ECHO:
            n = receive(apdu, buffer);
            apdu.setOutgoing();
            apdu.setOutgoingLength(n);
            apdu.sendBytesLong(store, (short) 0, n);
            return;
        case INS_FORM:
            apdu.setIncomingAndReceive();
            Util.setShort(buffer, (short) 10, apdu.getOffsetCdata());
            Util.setShort(buffer, (short) 12, apdu.getIncomingLength());
            Util.setShort(buffer, (short) 14, apdu.setOutgoing());
            Util.arrayCopyNonAtomic(buffer, (short) 4, buffer, (short) 16, (short) 3);
            apdu.setOutgoingLength((short) 9);
            apdu.sendBytes((short) 10, (short) 9);
            return;
        case INS_END:
            end(p1, Util.makeShort((byte) 0x6F, buffer[ISO7816.OFFSET_P2]));
            return;
        case INS_TX:
            Util.setShort(buffer, (short) 0, transaction(p1));
            break;
        case INS_VALUE:
            Util.setShort(buffer, (short) 0, value);
            break;
        case INS_LEAVE:
            leave = p1;
            return;
        case INS_STREAM:
            apdu.setOutgoing();
            apdu.setOutgoingLength(p);
            for (short at = 0; at < p; at += 100) {
                n = (short) (p - at);
                apdu.sendBytesLong(large, at, n < 100 ? n : 100);
            }
            return;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, (short) 2);
    }
}
