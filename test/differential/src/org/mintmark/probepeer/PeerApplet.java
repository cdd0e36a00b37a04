package org.mintmark.probepeer;

import org.mintmark.probelib.Part;
import org.mintmark.probelib.Peer;
import org.mintmark.probelib.Raise;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;

/** The applet in another context that the probe talks to. It does not implement MultiSelectable. */
public class PeerApplet extends Applet implements Peer {
    private static Object keptStatic;

    private final byte[] bytes = { (byte) 0x61, (byte) 0x62, (byte) 0x63, (byte) 0x64 };
    private final short[] shorts = { (short) 0x6162, (short) 0x6364 };
    private final boolean[] flags = { true, false };
    private final Object[] objects = new Object[(short) 4];
    private final Part part = new Part();
    private final byte[] onReset = JCSystem.makeTransientByteArray((short) 4, JCSystem.CLEAR_ON_RESET);
    private Object kept;

    public static void install(byte[] data, short offset, byte length) {
        new PeerApplet().register(data, (short) (offset + 1), data[offset]);
    }

    /** The parameter refuses (1), gives itself (0) or throws (2). */
    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        if (parameter == (byte) 2) {
            ISOException.throwIt((short) 0x6222);
        }
        return parameter == (byte) 1 ? null : this;
    }

    public Object give(short which) {
        switch (which) {
        case 0:
            return bytes;
        case 1:
            return shorts;
        case 2:
            return objects;
        case 3:
            return onReset;
        case 4:
            return part;
        case 5:
            return JCSystem.getAID();
        case 6:
            return APDU.getCurrentAPDUBuffer();
        case 7:
            return kept;
        default:
            return flags;
        }
    }

    public short take(byte[] array) {
        return array[(short) 0];
    }

    public void keep(Object object, short where) {
        if (where == (short) 0) {
            kept = object;
        } else if (where == (short) 1) {
            keptStatic = object;
        } else {
            objects[(short) 0] = object;
        }
    }

    public void raise(short kind, short reason) {
        Raise.one(kind, reason);
    }

    public short transact(short what) {
        switch (what) {
        case 0:
            JCSystem.beginTransaction();
            break;
        case 1:
            JCSystem.commitTransaction();
            break;
        case 2:
            JCSystem.abortTransaction();
            break;
        case 3:
            bytes[(short) 0]++;
            break;
        default:
            break;
        }
        return (short) (JCSystem.getTransactionDepth() << (short) 8 | bytes[(short) 0]);
    }

    public short previous() {
        AID aid = JCSystem.getPreviousContextAID();
        byte[] name = APDU.getCurrentAPDUBuffer();

        return aid == null ? (short) -1 : name[(short) (aid.getBytes(name, (short) 0) - 1)];
    }

    public short back(Peer caller, short what) {
        return what == (short) 0 ? caller.previous() : caller.transact(what);
    }

    public short make(short which) {
        if (which == (short) 0) {
            kept = new byte[(short) 1];
        } else {
            kept = JCSystem.makeTransientByteArray((short) 1, (byte) which);
        }
        return JCSystem.isTransient(kept);
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();

        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case (byte) 0x02: // what was kept
            buffer[(short) 0] = kept instanceof byte[] ? (byte) 1 : kept == null ? (byte) 0 : (byte) 2;
            buffer[(short) 1] = keptStatic == null ? (byte) 0 : (byte) 1;
            apdu.setOutgoingAndSend((short) 0, (short) 2);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }
}
