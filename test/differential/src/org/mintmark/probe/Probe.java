package org.mintmark.probe;

import org.mintmark.probelib.Part;
import org.mintmark.probelib.Peer;
import org.mintmark.probelib.Raise;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.AppletEvent;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.MultiSelectable;
import javacard.framework.Shareable;
import javacard.framework.Util;

/**
 * Carries out what a command lists, operation by operation, and answers with what each returned or threw. An operation
 * is nine bytes: number, places x and y, shorts p, q, r. A result is three: 00 and the value, or the exception's number
 * (Outcome) and its reason.
 */
public final class Probe extends Applet implements MultiSelectable, AppletEvent, Peer {
    private static final short EACH = (short) 9;
    private static final short RESULT = (short) 3;
    private static final short ROOM = (short) 28;

    private static final byte INS_RUN = (byte) 0x10;    // the command's operations
    private static final byte INS_STORE = (byte) 0x12;  // keep operations for INS_AGAIN
    private static final byte INS_AGAIN = (byte) 0x14;  // run them, without a word to the APDU by this applet
    private static final byte INS_RESULT = (byte) 0x16; // their results
    private static final byte INS_THROW = (byte) 0x18;  // throw P1, reason 62 P2
    private static final byte INS_NEXT = (byte) 0x1A;   // P1: what select does next, P2: what deselect does
    private static final byte INS_COUNTS = (byte) 0x1C; // how often each was called since
    private static final byte INS_PLACE = (byte) 0x1E;  // the data into the byte array of place P1
    private static final byte INS_LOOK = (byte) 0x20;   // that array

    private static byte[] counts = new byte[(short) 8];

    private final Memory memory = new Memory();
    private final byte[] program = new byte[(short) (ROOM * EACH)];
    private final byte[] results = JCSystem.makeTransientByteArray((short) (ROOM * RESULT), JCSystem.CLEAR_ON_RESET);
    private final byte[] name = new byte[(short) 16];
    private short programLength;
    private byte onSelect;
    private byte onDeselect;
    private Peer peer;

    public static void install(byte[] data, short offset, byte length) {
        new Probe().register(data, (short) (offset + 1), data[offset]);
    }

    /** What INS_NEXT asked for, once. */
    private boolean happen(boolean selecting) {
        byte what = selecting ? onSelect : onDeselect;

        if (selecting) {
            onSelect = (byte) 0;
        } else {
            onDeselect = (byte) 0;
        }
        switch (what) {
        case 1:
            return false;
        case 2:
            ISOException.throwIt((short) 0x6233);
            return false;
        case 3:
            JCSystem.beginTransaction();
            counts[(short) 7]++;
            return true;
        case 4:
            counts[(short) 8]++;
            return true;
        default:
            return true;
        }
    }

    public boolean select() {
        counts[(short) 0]++;
        return happen(true);
    }

    public void deselect() {
        counts[(short) 1]++;
        happen(false);
    }

    public boolean select(boolean already) {
        counts[(short) (already ? 3 : 2)]++;
        return happen(true);
    }

    public void deselect(boolean still) {
        counts[(short) (still ? 5 : 4)]++;
        happen(false);
    }

    public void uninstall() {
        counts[(short) 6]++;
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return this;
    }

    /** 60 to 6F: the peer. */
    private short share(byte op, short x, short y, short p, short q) {
        switch (op) {
        case 0x60:
            peer = (Peer) JCSystem.getAppletShareableInterfaceObject(
                    JCSystem.lookupAID((byte[]) memory.get(x), (short) 0, (byte) p), (byte) q);
            return (short) (peer == null ? 0 : 1);
        case 0x61:
            memory.put(x, peer);
            return (short) 0;
        case 0x62:
            memory.put(x, peer.give(p));
            return (short) (memory.get(x) == null ? 0 : 1);
        case 0x63:
            return peer.take((byte[]) memory.get(x));
        case 0x64:
            peer.keep(memory.get(x), p);
            return (short) 0;
        case 0x65:
            peer.raise(p, q);
            return (short) 0;
        case 0x66:
            return peer.transact(p);
        case 0x67:
            return peer.previous();
        case 0x68:
            return peer.back(this, p);
        case 0x69:
            return peer.make(p);
        case 0x6A:
            return ((Part) memory.get(x)).number;
        case 0x6B:
            ((Part) memory.get(x)).number = p;
            return p;
        case 0x6C:
            return ((Part) memory.get(x)).get();
        default:
            return peer.take(APDU.getCurrentAPDUBuffer());
        }
    }

    /** 80 to 9F: the APDU. */
    private short exchange(byte op, short x, short p, short q) {
        APDU apdu = APDU.getCurrentAPDU();

        switch (op) {
        case (byte) 0x80:
            return apdu.getCurrentState();
        case (byte) 0x81:
            return apdu.setIncomingAndReceive();
        case (byte) 0x82:
            return apdu.receiveBytes(p);
        case (byte) 0x83:
            return apdu.setOutgoing();
        case (byte) 0x84:
            apdu.setOutgoingLength(p);
            return p;
        case (byte) 0x85:
            apdu.sendBytes(p, q);
            return q;
        case (byte) 0x86:
            apdu.sendBytesLong((byte[]) memory.get(x), p, q);
            return q;
        case (byte) 0x87:
            return apdu.setOutgoingNoChaining();
        case (byte) 0x88:
            apdu.setOutgoingAndSend(p, q);
            return q;
        case (byte) 0x89:
            return APDU.getCLAChannel();
        case (byte) 0x8A:
            return (short) ((apdu.isISOInterindustryCLA() ? 1 : 0) | (apdu.isSecureMessagingCLA() ? 2 : 0)
                    | (apdu.isCommandChainingCLA() ? 4 : 0));
        case (byte) 0x8B:
            memory.put(x, apdu);
            return (short) 0;
        case (byte) 0x8C:
            memory.put(x, apdu.getBuffer());
            return (short) 0;
        case (byte) 0x8D:
            Cell.object = apdu.getBuffer();
            return (short) 0;
        case (byte) 0x8E:
            return apdu.getBuffer()[p];
        default:
            apdu.getBuffer()[p] = (byte) q;
            return q;
        }
    }

    /** 00 to 0F: transactions; A0 to AF: JCSystem. */
    private short system(byte op, short x, short p) {
        switch (op) {
        case 0x01:
            JCSystem.beginTransaction();
            return JCSystem.getTransactionDepth();
        case 0x02:
            JCSystem.commitTransaction();
            return JCSystem.getTransactionDepth();
        case 0x03:
            JCSystem.abortTransaction();
            return JCSystem.getTransactionDepth();
        case 0x04:
            return JCSystem.getTransactionDepth();
        case 0x05:
            return (short) (JCSystem.getUnusedCommitCapacity() < JCSystem.getMaxCommitCapacity() ? 1 : 0);
        case (byte) 0xA0:
            return (short) (JCSystem.isObjectDeletionSupported() ? 1 : 0);
        case (byte) 0xA1:
            JCSystem.requestObjectDeletion();
            return (short) 0;
        case (byte) 0xA2:
            return (short) (JCSystem.getAvailableMemory((byte) p) > (short) 0 ? 1 : 0);
        case (byte) 0xA3:
            return JCSystem.getAssignedChannel();
        case (byte) 0xA4:
            register();
            return (short) 0;
        case (byte) 0xA5:
            return (short) (selectingApplet() ? 1 : 0);
        case (byte) 0xA6:
            return (short) (APDU.getCurrentAPDU() == null ? 0 : 1);
        case (byte) 0xA7:
            raise(p, (short) 0x6244);
            return (short) 0;
        default:
            return (short) 0;
        }
    }

    private short one(byte op, short x, short y, short p, short q, short r) {
        switch ((byte) (op & (byte) 0xF0)) {
        case 0x10:
            return memory.make(op, x, y, p, q);
        case 0x20:
            return memory.access(op, x, y, p, q);
        case 0x30:
            return memory.util(op, x, y, p, q, r);
        case 0x40:
            return memory.pin(op, x, y, p, q);
        case 0x50:
            return memory.field(op, x, y, p);
        case 0x60:
            return share(op, x, y, p, q);
        case 0x70:
            return memory.aid(op, x, y, p, q, r);
        case (byte) 0x80:
            return exchange(op, x, p, q);
        default:
            return system(op, x, p);
        }
    }

    /** Runs the stored program; the results are in a transient array, which no abort undoes. */
    private short run() {
        short out = (short) 0;

        for (short at = (short) 0; at < programLength; at = (short) (at + EACH)) {
            byte kind = (byte) 0;
            short value;

            try {
                value = one(program[at], program[(short) (at + 1)], program[(short) (at + 2)],
                        Util.getShort(program, (short) (at + 3)), Util.getShort(program, (short) (at + 5)),
                        Util.getShort(program, (short) (at + 7)));
            } catch (Throwable thrown) {
                kind = Outcome.kind(thrown);
                value = Outcome.reason(thrown);
            }
            results[out] = kind;
            out = Util.setShort(results, (short) (out + 1), value);
        }
        return out;
    }

    private void store(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        short got = apdu.setIncomingAndReceive();

        programLength = (short) 0;
        while (got > (short) 0) {
            programLength = Util.arrayCopyNonAtomic(buffer, ISO7816.OFFSET_CDATA, program, programLength, got);
            got = apdu.receiveBytes(ISO7816.OFFSET_CDATA);
        }
    }

    private void send(APDU apdu, byte[] what, short length) {
        apdu.setOutgoing();
        apdu.setOutgoingLength(length);
        apdu.sendBytesLong(what, (short) 0, length);
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        byte first = buffer[ISO7816.OFFSET_P1];

        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case INS_RUN:
            store(apdu);
            send(apdu, results, run());
            break;
        case INS_STORE:
            store(apdu);
            break;
        case INS_AGAIN:
            run();
            break;
        case INS_RESULT:
            send(apdu, results, (short) ((short) (programLength / EACH) * RESULT));
            break;
        case INS_THROW:
            Raise.one(first, (short) (0x6200 | (short) (buffer[ISO7816.OFFSET_P2] & (short) 0xFF)));
            break;
        case INS_NEXT:
            onSelect = first;
            onDeselect = buffer[ISO7816.OFFSET_P2];
            break;
        case INS_COUNTS:
            send(apdu, counts, (short) counts.length);
            Util.arrayFillNonAtomic(counts, (short) 0, (short) counts.length, (byte) 0);
            break;
        case INS_PLACE:
            Util.arrayCopyNonAtomic(buffer, ISO7816.OFFSET_CDATA, (byte[]) memory.get(first), (short) 0,
                    apdu.setIncomingAndReceive());
            break;
        case INS_LOOK:
            send(apdu, (byte[]) memory.get(first), (short) ((byte[]) memory.get(first)).length);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    // The probe's own side, for calls back from the peer.
    public Object give(short which) {
        return name;
    }

    public short take(byte[] array) {
        return array[(short) 0];
    }

    public void keep(Object object, short where) {
        memory.put(where, object);
    }

    public void raise(short kind, short reason) {
        Raise.one(kind, reason);
    }

    public short transact(short what) {
        if (what == (short) 1) {
            JCSystem.commitTransaction();
        }
        return JCSystem.getTransactionDepth();
    }

    public short previous() {
        AID aid = JCSystem.getPreviousContextAID();

        return aid == null ? (short) -1 : name[(short) (aid.getBytes(name, (short) 0) - 1)];
    }

    public short back(Peer caller, short what) {
        return (short) 0;
    }

    public short make(short which) {
        return (short) 0;
    }
}
