package org.mintmark.upgrade2;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacardx.crypto.Cipher;
import org.globalplatform.upgrade.Element;
import org.globalplatform.upgrade.OnUpgradeListener;
import org.globalplatform.upgrade.UpgradeManager;

/**
 * The new version: takes over what the old one saved, and can tell what came.
 */
public final class Keeper extends Applet implements OnUpgradeListener {
    static final byte RESTORE_THROWS = 1, CONSOLIDATE_THROWS = 2, RESTORE_OPEN_TRANSACTION = 3, KEEPS_ELEMENT = 4;
    /** First byte of the install parameters, when it is installed by an upgrade. */
    static final byte INSTALL_THROWS = (byte) 0xE1, INSTALL_OTHER_NAME = (byte) 0xE2;

    private static short order;

    private short counter, previous, odd;
    private byte restoreMode;
    private boolean flag, sameAid, restored;
    private byte installed, restoredAt, consolidatedAt, left;
    private byte[] params, scratch, table;
    private OwnerPIN pin;
    private AESKey key;
    private AID name;
    private Object nothing, something, extra;
    private Node first;
    private Element kept;

    private Keeper(byte[] b, short off) {
        short at = (short) (off + b[off] + 1);
        at += (short) (b[at] + 1);
        params = new byte[b[at]];
        Util.arrayCopy(b, (short) (at + 1), params, (short) 0, b[at]);
        installed = (byte) ++order;
        byte mode = params.length != 0 && UpgradeManager.isUpgrading() ? params[0] : 0;
        if (mode == INSTALL_THROWS)
            ISOException.throwIt((short) 0x6A9C);
        if (mode == INSTALL_OTHER_NAME)
            register(new byte[] {(byte) 0xF0, 1, 2, 3, 4, 5}, (short) 0, (byte) 6);
        else
            register(b, (short) (off + 1), b[off]);
    }

    public static void install(byte[] b, short off, byte len) {
        new Keeper(b, off);
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        short n = 0;
        if (selectingApplet())
            return;
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x00:
            n = state(b);
            break;
        case 0x02:
            Util.setShort(b, (short) 0, ++counter);
            n = 2;
            break;
        case 0x06:
            n = objects(b);
            break;
        case 0x0E:
            b[0] = kept == null ? (byte) 0 : (byte) 1;
            n = 1;
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        apdu.setOutgoingAndSend((short) 0, n);
    }

    /** Version, counter, install parameters, previous version, when what was called. */
    private short state(byte[] b) {
        Util.setShort(b, (short) 0, (short) 0x0201);
        Util.setShort(b, (short) 2, counter);
        b[4] = (byte) params.length;
        short n = (short) (5 + params.length);
        Util.arrayCopy(params, (short) 0, b, (short) 5, (short) params.length);
        n = Util.setShort(b, n, previous);
        b[n++] = sameAid ? (byte) 1 : (byte) 0;
        b[n++] = installed;
        b[n++] = restoredAt;
        b[n++] = consolidatedAt;
        b[n++] = left;
        return n;
    }

    /** Each object that came over, used. */
    private short objects(byte[] b) {
        short n = 0;
        b[n++] = flag ? (byte) 1 : (byte) 0;
        n = Util.setShort(b, n, odd);
        b[n++] = (byte) scratch.length;
        scratch[0] = 1;
        b[n++] = JCSystem.isTransient(scratch);
        b[n++] = pin.getTriesRemaining();
        b[n++] = pin.check(new byte[] {1, 2, 3, 4}, (short) 0, (byte) 4) ? (byte) 1 : (byte) 0;
        n = encrypted(b, n);
        b[n++] = JCSystem.getAID().equals(name) ? (byte) 1 : (byte) 0;
        n = Util.arrayCopy(table, (short) 0, b, n, (short) 3);
        b[n++] = nothing == null ? (byte) 1 : (byte) 0;
        b[n++] = something == UpgradeManager.nonNullReference() ? (byte) 1 : (byte) 0;
        b[n++] = first.value;
        b[n++] = first.next.value;
        b[n++] = first.next.next == first ? (byte) 1 : (byte) 0;
        if (extra instanceof Object[]) {
            b[n++] = ((Object[]) extra)[0] == params ? (byte) 1 : (byte) 0;
            return n;
        }
        return Util.arrayCopy((byte[]) extra, (short) 0, b, n, (short) ((byte[]) extra).length);
    }

    private short encrypted(byte[] b, short n) {
        Cipher c = Cipher.getInstance(Cipher.ALG_AES_BLOCK_128_ECB_NOPAD, false);
        byte[] block = new byte[16];
        c.init(key, Cipher.MODE_ENCRYPT);
        c.doFinal(block, (short) 0, (short) 16, block, (short) 0);
        return Util.arrayCopy(block, (short) 0, b, n, (short) 2);
    }

    public Element onSave() {
        Element root = UpgradeManager.createElement(Element.TYPE_SIMPLE, (short) 2, (short) 0);
        return root.write(counter);
    }

    public void onCleanup() {
    }

    public void onRestore(Element root) {
        previous = UpgradeManager.getPreviousPackageVersion();
        sameAid = UpgradeManager.checkPreviousPackageAID(
                new byte[] {(byte) 0xF0, 0x4D, 0x49, 0x4E, 0x54, 0x4D, 0x41, 0x52, 0x4B, (byte) 0xAB},
                (short) 0, (byte) 10)
                && !UpgradeManager.checkPreviousPackageAID(new byte[10], (short) 0, (byte) 10);
        restoredAt = (byte) ++order;
        if (root == null)
            return;
        root.initRead();
        root.readObject();
        root.readShort();
        root.initRead();
        left = (byte) (root.canReadByte() * 16 + root.canReadObject());
        counter = root.readShort();
        restoreMode = root.readByte();
        flag = root.readBoolean();
        odd = root.readShort();
        params = (byte[]) root.readObject();
        scratch = (byte[]) root.readObject();
        pin = (OwnerPIN) root.readObject();
        key = (AESKey) root.readObject();
        name = (AID) root.readObject();
        table = (byte[]) root.readObject();
        nothing = root.readObject();
        something = root.readObject();
        first = Node.restore((Element) root.readObject());
        extra = root.readObject();
        if (restoreMode == RESTORE_THROWS)
            ISOException.throwIt((short) 0x6A9D);
        if (restoreMode == KEEPS_ELEMENT)
            kept = root;
        if (restoreMode == RESTORE_OPEN_TRANSACTION) {
            JCSystem.beginTransaction();
            counter += 1000;
        }
    }

    public void onConsolidate() {
        consolidatedAt = (byte) ++order;
        if (restoreMode == CONSOLIDATE_THROWS)
            ISOException.throwIt((short) 0x6A9E);
    }
}
