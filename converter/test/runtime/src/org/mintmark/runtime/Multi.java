package org.mintmark.runtime;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.AppletEvent;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.MultiSelectable;
import javacard.framework.Shareable;
import javacard.framework.SystemException;
import javacard.framework.Util;
import javacardx.biometry.SharedBioTemplate;

/** An applet that may be selected on several channels; all of this package are. */
public class Multi extends Applet implements MultiSelectable, AppletEvent, Shared {
    private static final byte INS_LOG = 0x10;       // what was called since the last INS_LOG
    private static final byte INS_CHANNELS = 0x12;  // getAssignedChannel, getCLAChannel
    private static final byte INS_SET = 0x14;       // P1 into the transient array of P2: 1 reset, 2 deselect
    private static final byte INS_GET = 0x16;       // element of the transient array of P2
    private static final byte INS_ACTIVE = 0x18;    // isAppletActive(AID in the data)
    private static final byte INS_CLA = 0x1A;       // interindustry, secure messaging, chaining, valid
    private static final byte INS_REFUSE = 0x1C;    // P1: refuse the next selection
    private static final byte INS_SHARED = 0x1E;    // call Shared of the applet named in the data, P1: which
    private static final byte INS_KEEP = 0x20;      // keep lookupAID(data) in a field
    private static final byte INS_KEPT = 0x22;      // does the kept AID equal the data?
    private static final byte INS_SEND = 0x24;      // P1P2 bytes
    private static final byte INS_PEER = 0x26;      // P1: 0 ask the applet named in the data for Shared, 1 use it, 2 make it throw, 3 is it another
    private static final byte INS_SAME = 0x28;      // is the kept AID the object of lookupAID(data)?

    private static byte[] shared; // of the package: CLEAR_ON_DESELECT

    private final byte[] onReset;
    private final byte[] log;
    private byte logged;
    private boolean refuse;
    private AID kept;
    private Shared peer;

    protected Multi() {
        onReset = JCSystem.makeTransientByteArray((short) 1, JCSystem.CLEAR_ON_RESET);
        if (shared == null) {
            shared = JCSystem.makeTransientByteArray((short) 1, JCSystem.CLEAR_ON_DESELECT);
        }
        log = new byte[(short) 32];
    }

    public static void install(byte[] data, short offset, byte length) {
        new Multi().register(data, (short) (offset + 1), data[offset]);
    }

    private void note(byte what) {
        if (logged < (byte) log.length) {
            log[logged++] = what;
        }
    }

    private byte state(byte what) {
        return (byte) (what | (selectingApplet() ? 0x10 : 0) | (reSelectingApplet() ? 0x20 : 0)
                | (byte) (JCSystem.getAssignedChannel() << 6));
    }

    public boolean select() {
        note(state((byte) 1));
        return !refuse;
    }

    public boolean select(boolean already) {
        note(state(already ? (byte) 3 : (byte) 2));
        return !refuse;
    }

    public void deselect() {
        note(state((byte) 4));
    }

    public void deselect(boolean still) {
        note(state(still ? (byte) 6 : (byte) 5));
    }

    public void uninstall() {
        note((byte) 7);
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return parameter == 0 ? this : null;
    }

    public short caller(byte[] to, short offset) {
        return JCSystem.getPreviousContextAID().getBytes(to, offset);
    }

    public short makeTransient() {
        try {
            JCSystem.makeTransientByteArray((short) 1, JCSystem.CLEAR_ON_DESELECT);
        } catch (SystemException e) {
            return e.getReason();
        }
        return 0;
    }

    public short useTransient() {
        try {
            shared[0] = 1;
        } catch (SecurityException e) {
            return -1;
        }
        return 0;
    }

    private static byte bit(boolean value) {
        return value ? (byte) 1 : (byte) 0;
    }

    private static AID named(byte[] buffer) {
        return JCSystem.lookupAID(buffer, ISO7816.OFFSET_CDATA, buffer[ISO7816.OFFSET_LC]);
    }

    private static short call(Shared to, byte what, byte[] buffer) {
        switch (what) {
        case 0:
            return to.caller(buffer, (short) 0);
        case 1:
            Util.setShort(buffer, (short) 0, to.makeTransient());
            return 2;
        default:
            Util.setShort(buffer, (short) 0, to.useTransient());
            return 2;
        }
    }

    /** -1 when the firewall refused; 2: does a server that throws give null? 3: is it another interface? Else 0. */
    private short peer(byte what, AID server) {
        try {
            if (what == 0) {
                peer = (Shared) JCSystem.getAppletShareableInterfaceObject(server, (byte) 0);
                return 0;
            }
            if (what == 2) {
                return bit(JCSystem.getAppletShareableInterfaceObject(server, (byte) 2) == null);
            }
            if (what == 3) {
                return bit(peer instanceof SharedBioTemplate);
            }
            return peer.useTransient();
        } catch (SecurityException e) {
            return -1;
        }
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        byte p1 = buffer[ISO7816.OFFSET_P1];
        boolean onDeselect = buffer[ISO7816.OFFSET_P2] == JCSystem.CLEAR_ON_DESELECT;
        short n = 1;

        if (selectingApplet()) {
            note(state((byte) 8));
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case INS_LOG:
            n = logged;
            logged = 0;
            Util.arrayCopyNonAtomic(log, (short) 0, buffer, (short) 0, n);
            break;
        case INS_CHANNELS:
            buffer[1] = APDU.getCLAChannel();
            buffer[0] = JCSystem.getAssignedChannel();
            n = 2;
            break;
        case INS_SET:
            (onDeselect ? shared : onReset)[0] = p1;
            n = 0;
            break;
        case INS_GET:
            buffer[0] = (onDeselect ? shared : onReset)[0];
            break;
        case INS_ACTIVE:
            apdu.setIncomingAndReceive();
            buffer[0] = bit(JCSystem.isAppletActive(named(buffer)));
            break;
        case INS_CLA:
            buffer[1] = bit(apdu.isSecureMessagingCLA());
            buffer[2] = bit(apdu.isCommandChainingCLA());
            buffer[3] = bit(apdu.isValidCLA());
            buffer[0] = bit(apdu.isISOInterindustryCLA());
            n = 4;
            break;
        case INS_REFUSE:
            refuse = p1 != 0;
            n = 0;
            break;
        case INS_SHARED:
            apdu.setIncomingAndReceive();
            n = call((Shared) JCSystem.getAppletShareableInterfaceObject(named(buffer), (byte) 0),
                    p1, buffer);
            break;
        case INS_KEEP:
            apdu.setIncomingAndReceive();
            kept = named(buffer);
            n = 0;
            break;
        case INS_KEPT:
            apdu.setIncomingAndReceive();
            buffer[0] = bit(kept != null
                    && kept.equals(buffer, ISO7816.OFFSET_CDATA, buffer[ISO7816.OFFSET_LC]));
            break;
        case INS_PEER:
            apdu.setIncomingAndReceive();
            Util.setShort(buffer, (short) 0, peer(p1, named(buffer)));
            n = 2;
            break;
        case INS_SAME:
            apdu.setIncomingAndReceive();
            buffer[0] = bit(kept == named(buffer));
            break;
        case INS_SEND:
            n = Util.getShort(buffer, ISO7816.OFFSET_P1);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, n);
    }
}
