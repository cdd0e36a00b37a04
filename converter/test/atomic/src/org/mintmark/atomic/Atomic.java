package org.mintmark.atomic;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.TransactionException;
import javacard.framework.Util;

/**
 * Transactions (JCRE 3.0.5, chapter 7), in install() and in process() alike: the first byte of the
 * applet's data, or INS, says what to do. INS 7F answers the first expectation that failed, 0 when
 * none did, and then the field and the static field.
 */
public class Atomic extends Applet {
    static final byte COMMIT = 1, ABORT = 2, LEFT_OPEN = 3, UNDONE_SELF = 4, REASONS = 5, FULL = 6,
            THROW = 7, STATIC = 8, PIN = 9, RELEASE = 10, MANY = 11;
    static short shared;

    private final byte[] kept = new byte[4];
    private final Object[] seen = JCSystem.makeTransientObjectArray((short) 2, JCSystem.CLEAR_ON_RESET);
    private final OwnerPIN pin = new OwnerPIN((byte) 3, (byte) 4);
    private byte[] made;
    private byte[] large;
    private short field;
    private short failed;

    public static void install(byte[] b, short off, byte len) {
        short at = (short) (off + b[off] + 1);

        at = (short) (at + b[at] + 1);
        if (b[at] == 0) {
            new Atomic().register();
            return;
        }
        byte what = b[(short) (at + 1)];
        if (what == UNDONE_SELF) {
            JCSystem.beginTransaction();
            new Atomic().register();
            JCSystem.abortTransaction();
            return;
        }
        Atomic applet = new Atomic();
        applet.expect((short) 90, JCSystem.getAID() == null);
        applet.register();
        applet.expect((short) 91, JCSystem.getAID() != null);
        applet.run(what);
    }

    private void expect(short number, boolean what) {
        if (!what && failed == 0)
            failed = number;
    }

    private void run(byte what) {
        switch (what) {
        case COMMIT:
            commit();
            break;
        case ABORT:
            abort();
            break;
        case LEFT_OPEN:
            field = 2;
            JCSystem.beginTransaction();
            field = 3;
            made = new byte[4];
            break;
        case REASONS:
            reasons();
            break;
        case FULL:
            full();
            break;
        case THROW:
            JCSystem.beginTransaction();
            shared = 0x55;
            ISOException.throwIt((short) 0x6F42);
            break;
        case STATIC:
            shared = 7;
            JCSystem.beginTransaction();
            shared = 8;
            JCSystem.abortTransaction();
            expect((short) 50, shared == 7);
            break;
        case PIN:
            pin();
            break;
        case RELEASE:
            release();
            break;
        case MANY:
            many();
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    private void commit() {
        expect((short) 1, JCSystem.getTransactionDepth() == 0);
        JCSystem.beginTransaction();
        expect((short) 2, JCSystem.getTransactionDepth() == 1);
        field = 2;
        made = new byte[4];
        made[0] = 9;
        JCSystem.commitTransaction();
        expect((short) 3, JCSystem.getTransactionDepth() == 0);
        expect((short) 4, field == 2 && made[0] == 9);
    }

    private void abort() {
        byte[] before = new byte[] {1, 2};
        byte[] local;

        field = 2;
        made = before;
        JCSystem.beginTransaction();
        field = 3;
        before[0] = 7;
        local = new byte[4];
        made = local;
        seen[0] = local;
        seen[1] = before;
        Util.arrayCopyNonAtomic(new byte[] {5}, (short) 0, kept, (short) 0, (short) 1);
        JCSystem.abortTransaction();
        expect((short) 10, JCSystem.getTransactionDepth() == 0);
        expect((short) 11, field == 2);
        expect((short) 12, before[0] == 1);
        expect((short) 13, made == before);
        expect((short) 14, kept[0] == 5); // 7.7: not atomic, so not undone
        expect((short) 15, seen[0] == null && seen[1] == before);
        expect((short) 16, local == null);
        expect((short) 17, local == seen[0] && local != before);
        expect((short) 18, !(local instanceof byte[]));
        try {
            local[0] = 1;
            expect((short) 19, false);
        } catch (NullPointerException e) {
            expect((short) 20, field == 2);
        }
        made = local;
        expect((short) 21, made == null);
        seen[1] = local;
        expect((short) 22, seen[1] == null);
        JCSystem.beginTransaction();
        field = 4;
        JCSystem.commitTransaction();
        expect((short) 23, field == 4);
    }

    private void reasons() {
        try {
            JCSystem.commitTransaction();
            expect((short) 30, false);
        } catch (TransactionException e) {
            expect((short) 31, e.getReason() == TransactionException.NOT_IN_PROGRESS);
        }
        try {
            JCSystem.abortTransaction();
            expect((short) 32, false);
        } catch (TransactionException e) {
            expect((short) 33, e.getReason() == TransactionException.NOT_IN_PROGRESS);
        }
        JCSystem.beginTransaction();
        field = 6;
        try {
            JCSystem.beginTransaction();
            expect((short) 34, false);
        } catch (TransactionException e) {
            expect((short) 35, e.getReason() == TransactionException.IN_PROGRESS);
        }
        expect((short) 36, JCSystem.getTransactionDepth() == 1 && field == 6);
        JCSystem.abortTransaction();
        expect((short) 37, field == 0);
    }

    private void full() {
        short room = JCSystem.getUnusedCommitCapacity();

        large = new byte[20000];
        Util.arrayFillNonAtomic(large, (short) 0, (short) 20000, (byte) 1);
        // Writes that are in no transaction of the applet's do not count.
        Util.arrayCopy(large, (short) 0, large, (short) 10000, (short) 10000);
        expect((short) 40, room == JCSystem.getMaxCommitCapacity());
        expect((short) 41, JCSystem.getUnusedCommitCapacity() == room);
        JCSystem.beginTransaction();
        large[0] = 2;
        expect((short) 42, JCSystem.getUnusedCommitCapacity() < room);
        try {
            Util.arrayCopy(large, (short) 1, large, (short) 0, (short) 19999);
            expect((short) 43, false);
        } catch (TransactionException e) {
            expect((short) 44, e.getReason() == TransactionException.BUFFER_FULL);
        }
        JCSystem.abortTransaction();
        expect((short) 45, large[0] == 1 && JCSystem.getUnusedCommitCapacity() == room);
        large = null;
    }

    private void pin() {
        byte[] right = new byte[] {1, 2, 3, 4}, wrong = new byte[] {1, 2, 3, 5};

        pin.update(right, (short) 0, (byte) 4);
        JCSystem.beginTransaction();
        field = 3;
        expect((short) 60, !pin.check(wrong, (short) 0, (byte) 4));
        JCSystem.abortTransaction();
        expect((short) 61, field == 0 && pin.getTriesRemaining() == 2);
        JCSystem.beginTransaction();
        pin.update(wrong, (short) 0, (byte) 4);
        JCSystem.abortTransaction();
        expect((short) 62, pin.check(right, (short) 0, (byte) 4));
    }

    /** Objects that an aborted transaction let go are there again. */
    private void release() {
        made = new byte[] {4, 4};
        JCSystem.beginTransaction();
        made = null;
        JCSystem.requestObjectDeletion();
        JCSystem.abortTransaction();
        expect((short) 70, made != null && made[1] == 4);
    }

    /** One after another, each undone. */
    private void many() {
        for (short i = 1; i <= 300; i++) {
            JCSystem.beginTransaction();
            made = new byte[8];
            field = i;
            if ((short) (i % 3) == 0)
                JCSystem.commitTransaction();
            else
                JCSystem.abortTransaction();
            expect((short) 80, field == (short) (i - i % 3));
        }
        expect((short) 81, made.length == 8);
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();

        if (selectingApplet())
            return;
        if (b[ISO7816.OFFSET_INS] == 0x7F) {
            Util.setShort(b, (short) 0, failed);
            Util.setShort(b, (short) 2, field);
            Util.setShort(b, (short) 4, shared);
            apdu.setOutgoingAndSend((short) 0, (short) 6);
            return;
        }
        field = 0;
        made = null;
        run(b[ISO7816.OFFSET_INS]);
    }
}
