package org.mintmark.gp;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.Shareable;
import javacard.framework.Util;
import org.globalplatform.Authority;
import org.globalplatform.AuthoritySignature;
import org.globalplatform.GPRegistryEntry;
import org.globalplatform.GPSystem;
import org.globalplatform.GlobalService;
import org.globalplatform.HTTPAdministration;
import org.globalplatform.HTTPReportListener;
import org.globalplatform.contactless.CLApplet;
import org.globalplatform.contactless.CLAppletActivationPolicy;
import org.globalplatform.contactless.CLAppletEvent;
import org.globalplatform.contactless.CRSApplication;
import org.globalplatform.contactless.GPCLRegistryEntry;
import org.globalplatform.contactless.GPCLSystem;
import org.globalplatform.filesystem.GlobalMasterFile;
import org.globalplatform.privacy.GlobalPrivacyProtocol;
import org.globalplatform.upgrade.Element;
import org.globalplatform.upgrade.OnUpgradeListener;

/** A global service, and every other interface that an application may implement. */
public final class Provider extends Applet implements GlobalService, Authority, AuthoritySignature,
        HTTPAdministration, HTTPReportListener, CLApplet, CLAppletActivationPolicy, CRSApplication,
        GlobalMasterFile, GlobalPrivacyProtocol, OnUpgradeListener {
    private byte mode, granting;
    private final byte[] log = new byte[32];
    private short logged;

    public static void install(byte[] data, short off, byte len) {
        new Provider().register(data, (short) (off + 1), data[off]);
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return parameter == GPSystem.GLOBAL_SERVICE_IDENTIFIER || client == null ? this : null;
    }

    public Shareable getServiceInterface(GPRegistryEntry client, short name, byte[] b, short off,
            short len) {
        return this;
    }

    /** 18: offer the service P1P2; 1A: stop; 10: the mode a client asked for; 12: the contactless events
     * since last time; 1E: who lists this one; 14: bit 1 grants requests, 2 refuses one's own activation, 4 throws
     * when asked of either. */
    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        byte[] b = apdu.getBuffer();
        short p = Util.getShort(b, ISO7816.OFFSET_P1);
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x10:
            b[0] = mode;
            apdu.setOutgoingAndSend((short) 0, (short) 1);
            break;
        case 0x12:
            short n = Util.arrayCopyNonAtomic(log, (short) 0, b, (short) 0, logged);
            logged = 0;
            apdu.setOutgoingAndSend((short) 0, n);
            break;
        case 0x1E: // last bytes of the AIDs of who lists this one
            GPCLRegistryEntry own = GPCLSystem.getGPCLRegistryEntry(null);
            GPCLRegistryEntry e = null;
            short at = 0;
            while ((e = own.getNextReferencingApplication(e)) != null) {
                short len = e.getAID().getBytes(b, (short) 100);
                b[at++] = b[(short) (99 + len)];
            }
            apdu.setOutgoingAndSend((short) 0, at);
            break;
        case 0x14:
            granting = (byte) (p >> 8);
            break;
        case 0x18:
            GPSystem.getRegistryEntry(null).registerService(p);
            break;
        case 0x1A:
            GPSystem.getRegistryEntry(null).deregisterService(p);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    public void init(byte m) {
        mode = m;
    }

    public void init(byte m, byte[] b, short off, short len) {
        mode = m;
    }

    public void update(byte[] b, short off, short len) {
    }

    public short sign(byte[] in, short off, short len, byte[] out, short outOff) {
        return 0;
    }

    public short recoverKey(byte[] in, short off, short len, byte[] out, short outOff) {
        return 0;
    }

    public short getLength() {
        return 0;
    }

    public void requestHTTPAdministrationSession(byte[] b, short off, short len) {
    }

    public void httpAdministationSessionReport(short status) {
    }

    /** 00 and the event: what happened to this application. */
    public void notifyCLEvent(short event) {
        log[logged++] = 0;
        log[logged++] = (byte) event;
    }

    /** The last byte of the AID and the event: what happened to another. */
    public void notifyCLEvent(GPCLRegistryEntry e, short event) {
        byte[] aid = new byte[16];
        log[logged++] = aid[(short) (e.getAID().getBytes(aid, (short) 0) - 1)];
        log[logged++] = (byte) event;
    }

    public boolean processCLRequest(GPRegistryEntry who, GPCLRegistryEntry e, short event) {
        fail();
        if ((granting & 1) == 0) {
            return false;
        }
        if (event == CLAppletEvent.EVENT_VOLATILE_SELECTION_PRIORITY_SET) {
            GPCLSystem.setVolatilePriority(e);
        } else {
            e.setCLState(GPCLRegistryEntry.STATE_CL_ACTIVATED);
        }
        return true;
    }

    private void fail() {
        if ((granting & 4) != 0) {
            ISOException.throwIt(ISO7816.SW_FILE_INVALID);
        }
    }

    public boolean acceptActivation() {
        fail();
        return (granting & 2) == 0;
    }

    public short getNextApplicationConflictInfo(byte[] b, short off) {
        return 0;
    }

    public boolean processReadBinary(APDU apdu) {
        return false;
    }

    public boolean processReadRecord(APDU apdu) {
        return false;
    }

    public boolean processSelectFile(APDU apdu) {
        return false;
    }

    public void selectMF() {
    }

    public short checkPrivacyStatusRequirement(boolean b, byte[] data, short off, short len) {
        return 0;
    }

    public short getData(byte[] in, short off, short len, byte[] out, short outOff) {
        return 0;
    }

    public byte getSecurityLevel() {
        return 0;
    }

    public boolean setSecureMessaging(boolean on) {
        return false;
    }

    public Element onSave() {
        return null;
    }

    public void onRestore(Element e) {
    }

    public void onConsolidate() {
    }

    public void onCleanup() {
    }
}
