package org.mintmark.gp;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Shareable;
import javacard.framework.SystemException;
import javacard.framework.Util;
import org.globalplatform.Authority;
import org.globalplatform.CVM;
import org.globalplatform.GPRegistryEntry;
import org.globalplatform.GPSystem;
import org.globalplatform.GlobalService;
import org.globalplatform.Personalization;
import org.globalplatform.SecureChannelx;
import org.globalplatform.SecureChannelx2;
import org.globalplatform.contactless.GPCLRegistryEntry;
import org.globalplatform.contactless.GPCLSystem;
import org.globalplatform.securechannel.provider.SecureChannelProvider;
import org.globalplatform.upgrade.UpgradeManager;

/** Asks the card's services what the tests want to know. A SystemException is told as 6F00 and reason. */
public final class Desk extends Applet implements Personalization {
    private final byte[] data = new byte[64];
    private short length;

    public static void install(byte[] data, short off, byte len) {
        new Desk().register(data, (short) (off + 1), data[off]);
    }

    /** Keeps the data and answers with their number. */
    public short processData(byte[] in, short off, short len, byte[] out, short outOff) {
        length = (short) (len - 5);
        Util.arrayCopy(in, (short) (off + 5), data, (short) 0, length);
        Util.setShort(out, outOff, length);
        return 2;
    }

    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] b = apdu.getBuffer();
        short n = apdu.setIncomingAndReceive();
        short len = 0;
        try {
            len = answer(b, n);
        } catch (SystemException e) {
            ISOException.throwIt((short) (0x6F00 + e.getReason()));
        }
        apdu.setOutgoingAndSend((short) 0, len);
    }

    private short answer(byte[] b, short n) {
        short p = Util.getShort(b, ISO7816.OFFSET_P1);
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x10:
            return own(b);
        case 0x12:
            return other(b, n);
        case 0x14:
            b[0] = bit(entry(b, n).setState((byte) (p >> 8)));
            return 1;
        case 0x16:
            return pin(b, n, (byte) (p >> 8), (byte) p);
        case 0x18:
            GPSystem.getRegistryEntry(null).registerService(p);
            return 0;
        case 0x1A:
            GPSystem.getRegistryEntry(null).deregisterService(p);
            return 0;
        case 0x1C:
            return service(b, n, p);
        case 0x1E:
            return associated(b, n);
        case 0x20:
            return contactless(b, n, (byte) (p >> 8), (byte) p);
        case 0x22:
            return upgrade(b, (byte) (p >> 8));
        case 0x24:
            Util.setShort(b, (short) 0, GPSystem.getCardInfoLength(p));
            return GPSystem.getCardInfo(b, (short) 2, p);
        case 0x26:
            SecureChannelProvider.createNewInstance(p, b, (short) 0, (short) 0, (short) 0);
            return 0;
        case 0x28:
            ((SecureChannelx) GPSystem.getSecureChannel()).setSecurityLevel((byte) p);
            return 0;
        case 0x2A: // a command of the channel in the data
            return ((SecureChannelx2) GPSystem.getSecureChannel()).processSecurity(b,
                    ISO7816.OFFSET_CDATA, n, (short) 0);
        case 0x2C:
            return (GPSystem.getSecureChannel()).encryptData(moved(b, n), (short) 0, n);
        case 0x2E:
            return Util.arrayCopyNonAtomic(data, (short) 0, b, (short) 0, length);
        case 0x30:
            b[0] = bit(GPSystem.setATRHistBytes(b, ISO7816.OFFSET_CDATA, (byte) n));
            return 1;
        case 0x34:
            return another(b, n, (byte) (p >> 8), (byte) p);
        case 0x32:
            b[0] = bit(GPSystem.setCardContentState((byte) p));
            return 1;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
            return 0;
        }
    }

    private byte[] moved(byte[] b, short n) {
        Util.arrayCopyNonAtomic(b, ISO7816.OFFSET_CDATA, b, (short) 0, n);
        return b;
    }

    private static byte bit(boolean b) {
        return b ? (byte) 1 : (byte) 0;
    }

    private static AID aid(byte[] b, short n) {
        return JCSystem.lookupAID(b, ISO7816.OFFSET_CDATA, (byte) n);
    }

    /** Of the AID in the data, one's own without. */
    private static GPRegistryEntry entry(byte[] b, short n) {
        GPRegistryEntry e = GPSystem.getRegistryEntry(n == 0 ? null : aid(b, n));
        if (e == null) {
            ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
        }
        return e;
    }

    /** AID, privileges, state, Global Service. */
    private static short own(byte[] b) {
        GPRegistryEntry e = GPSystem.getRegistryEntry(null);
        short at = (short) (e.getAID().getBytes(b, (short) 1) + 1);
        b[0] = (byte) (at - 1);
        at = e.getPrivileges(b, at);
        b[at++] = e.getState();
        b[at++] = bit(e.isPrivileged(GPRegistryEntry.PRIVILEGE_GLOBAL_SERVICE));
        return at;
    }

    private static short other(byte[] b, short n) {
        b[0] = entry(b, n).getState();
        return 1;
    }

    private static short associated(byte[] b, short n) {
        b[0] = bit(GPSystem.getRegistryEntry(null).isAssociated(
                new AID(b, ISO7816.OFFSET_CDATA, (byte) n)));
        return 1;
    }

    private static short pin(byte[] b, short n, byte what, byte p2) {
        CVM pin = GPSystem.getCVM(GPSystem.CVM_GLOBAL_PIN);
        boolean done = true;
        switch (what) {
        case 0:
            b[0] = bit(pin.isActive());
            b[1] = bit(pin.isSubmitted());
            b[2] = bit(pin.isVerified());
            b[3] = bit(pin.isBlocked());
            b[4] = pin.getTriesRemaining();
            return 5;
        case 1:
            done = pin.setTryLimit(p2);
            break;
        case 2:
            done = pin.update(b, ISO7816.OFFSET_CDATA, (byte) n, p2);
            break;
        case 3:
            Util.setShort(b, (short) 0, pin.verify(b, ISO7816.OFFSET_CDATA, (byte) n, p2));
            return 2;
        case 4:
            done = pin.resetState();
            break;
        case 5:
            done = pin.resetAndUnblockState();
            break;
        case 6:
            done = pin.blockState();
            break;
        default:
            done = GPSystem.getCVM(p2) != null;
            break;
        }
        b[0] = bit(done);
        return 1;
    }

    /** 00: nobody offers it; else what the service says to the data 5A. */
    private static short service(byte[] b, short n, short name) {
        GlobalService s = GPSystem.getService(n == 0 ? null : aid(b, n), name);
        if (s == null) {
            b[0] = 0;
            return 1;
        }
        Shareable o = s.getServiceInterface(GPSystem.getRegistryEntry(null), name, b, (short) 0,
                (short) 0);
        ((Authority) o).init((byte) 1);
        b[0] = 1;
        return 1;
    }

    private static short contactless(byte[] b, short n, byte what, byte p2) {
        GPCLRegistryEntry e = GPCLSystem.getGPCLRegistryEntry(null);
        switch (what) {
        case 0:
            b[0] = e.getCLState();
            b[1] = GPCLSystem.getSecureElementType();
            Util.setShort(b, (short) 2, GPCLSystem.getHostDeviceUserInterfaceState());
            b[4] = bit(GPCLSystem.isCommunicationInterfaceEnabled(p2 == 0 ? 1 : p2));
            b[5] = bit(GPCLSystem.checkCommunicationInterfaceAccess(e, (short) 1));
            return 6;
        case 1:
            b[0] = e.setCLState(p2);
            return 1;
        case 2:
            return e.setInfo(b, ISO7816.OFFSET_CDATA, n, p2);
        case 3:
            return e.getInfo(b, (short) 0, p2);
        case 4: // how many entries may be seen
            short count = 0;
            for (e = GPCLSystem.getNextGPCLRegistryEntry(null, (short) 0); e != null;
                    e = GPCLSystem.getNextGPCLRegistryEntry(e, (short) 0)) {
                count++;
            }
            Util.setShort(b, (short) 0, count);
            return 2;
        case 5:
            return list(b, e, p2);
        case 6:
            return change(b, n, e, p2);
        default:
            return family(b, p2);
        }
    }

    /** Last bytes of the AIDs of a list: 0 CREL, 1 conflicting, 2 members, 3 referencing. */
    private static short list(byte[] b, GPCLRegistryEntry e, byte which) {
        GPCLRegistryEntry at = null;
        short n = 0;
        do {
            switch (which) {
            case 0:
                at = e.getNextCRELApplication(at);
                break;
            case 1:
                at = e.getNextConflictingApplication(at);
                break;
            case 2:
                at = e.getNextGroupMember(at);
                break;
            default:
                at = e.getNextReferencingApplication(at);
                break;
            }
            n = note(b, n, at);
        } while (at != null);
        return n;
    }

    /** The last byte of its AID at n, which moves on; nothing for null. */
    private static short note(byte[] b, short n, GPCLRegistryEntry e) {
        if (e == null) {
            return n;
        }
        short len = e.getAID().getBytes(b, (short) 100);
        b[n] = b[(short) (99 + len)];
        return (short) (n + 1);
    }

    private static short family(byte[] b, byte family) {
        GPCLRegistryEntry e = null;
        short n = 0;
        do {
            e = GPCLSystem.getNextGPCLRegistryEntry(e, family);
            n = note(b, n, e);
        } while (e != null);
        return n;
    }

    /** Changes of one's own entry, with the data. */
    private static short change(byte[] b, short n, GPCLRegistryEntry e, byte which) {
        switch (which) {
        case 0:
            e.joinGroup(n == 0 ? null : new AID(b, ISO7816.OFFSET_CDATA, (byte) n));
            break;
        case 1:
            e.addToCRELApplicationList(b, ISO7816.OFFSET_CDATA, n);
            break;
        case 2:
            e.removeFromCRELApplicationList(b, ISO7816.OFFSET_CDATA, n);
            break;
        case 3:
            e.addToGroupAuthorizationList(b, ISO7816.OFFSET_CDATA, n);
            break;
        case 4:
            e.removeFromGroupAuthorizationList(b, ISO7816.OFFSET_CDATA, n);
            break;
        case 5:
            GPCLSystem.setCommunicationInterface(b[5], b[6] != 0);
            break;
        case 6:
            GPCLSystem.launchHostDeviceApplication(b, (short) 0, (short) 1);
            break;
        default:
            return GPCLSystem.getCardCLInfo(b, (short) 0, b[5]);
        }
        return 0;
    }

    /** Of the application with the AID in the data. */
    private static short another(byte[] b, short n, byte what, byte p2) {
        GPCLRegistryEntry e = GPCLSystem.getGPCLRegistryEntry(n == 0 ? null : aid(b, n));
        if (e == null) {
            ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
        }
        switch (what) {
        case 0:
            b[0] = e.getCLState();
            return 1;
        case 1:
            b[0] = e.setCLState(p2);
            return 1;
        case 2:
            b[0] = bit(e.isGroupHead());
            b[1] = bit(e.isGroupMember());
            return 2;
        case 3:
            return list(b, e, p2);
        case 4:
            e.setPartialSelectionOrder(p2 != 0);
            return 0;
        case 5:
            GPCLSystem.setVolatilePriority(p2 != 0 ? e : null);
            return 0;
        case 6:
            return e.getInfo(b, (short) 0, p2);
        default:
            return e.setInfo(b, (short) 0, (short) 1, p2);
        }
    }

    private static short upgrade(byte[] b, byte what) {
        switch (what) {
        case 0:
            b[0] = bit(UpgradeManager.isUpgrading());
            b[1] = bit(UpgradeManager.nonNullReference() != null);
            return 2;
        case 1:
            UpgradeManager.getPreviousPackageVersion();
            break;
        case 2:
            UpgradeManager.checkPreviousPackageAID(b, (short) 0, (byte) 5);
            break;
        case 3:
            UpgradeManager.createElement((byte) 1, (short) 0, (short) 0);
            break;
        default:
            UpgradeManager.matchMappedElement(null);
            break;
        }
        return 0;
    }
}
