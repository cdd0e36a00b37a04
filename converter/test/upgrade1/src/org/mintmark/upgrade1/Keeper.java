package org.mintmark.upgrade1;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.KeyBuilder;
import org.globalplatform.upgrade.Element;
import org.globalplatform.upgrade.OnUpgradeListener;
import org.globalplatform.upgrade.UpgradeManager;

/**
 * The old version: every kind of data that an applet may hand on to the next one. What goes wrong in a
 * callback is told by APDU.
 */
public final class Keeper extends Applet implements OnUpgradeListener {
    static final byte SAVE_THROWS = 1, SAVE_OPEN_TRANSACTION = 2, SAVE_CUSTOM = 3, SAVE_CUSTOM_IN_ARRAY = 4,
            SAVE_NOTHING = 5, CLEANUP_THROWS = 6, SAVE_CUSTOM_ARRAY = 7, SAVE_ODD = 8, SAVE_OWN_ELEMENT = 9;

    private static byte[] table = {1, 2, 3};
    private static short cleanups;

    private short counter;
    private byte saveMode, restoreMode;
    private byte[] params, scratch;
    private OwnerPIN pin;
    private AESKey key;
    private AID name;
    private Node first;

    private Keeper(byte[] b, short off) {
        short at = (short) (off + b[off] + 1);
        at += (short) (b[at] + 1);
        params = new byte[b[at]];
        Util.arrayCopy(b, (short) (at + 1), params, (short) 0, b[at]);
        scratch = JCSystem.makeTransientByteArray((short) 20, JCSystem.CLEAR_ON_DESELECT);
        pin = new OwnerPIN((byte) 3, (byte) 4);
        pin.update(new byte[] {1, 2, 3, 4}, (short) 0, (byte) 4);
        key = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
        key.setKey(new byte[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, (short) 0);
        first = new Node((byte) 7);
        first.next = new Node((byte) 8);
        first.next.next = first;
        register(b, (short) (off + 1), b[off]);
        name = JCSystem.getAID();
    }

    public static void install(byte[] b, short off, byte len) {
        new Keeper(b, off);
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        if (selectingApplet())
            return;
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x02:
            counter++;
            break;
        case 0x04:
            saveMode = b[ISO7816.OFFSET_P1];
            restoreMode = b[ISO7816.OFFSET_P2];
            break;
        case 0x08:
            pin.check(new byte[] {9, 9, 9, 9}, (short) 0, (byte) 4);
            break;
        case 0x0A:
            table[0]++;
            break;
        case 0x0C:
            apdu.setOutgoingAndSend((short) 0, outside(b));
            return;
        case 0x00:
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
        Util.setShort(b, (short) 0, (short) 0x0100);
        Util.setShort(b, (short) 2, counter);
        b[4] = (byte) params.length;
        Util.arrayCopy(params, (short) 0, b, (short) 5, (short) params.length);
        b[(short) (5 + params.length)] = (byte) cleanups;
        apdu.setOutgoingAndSend((short) 0, (short) (6 + params.length));
    }

    /** What the API says when no session is running. */
    private short outside(byte[] b) {
        short n = 0;
        b[0] = UpgradeManager.isUpgrading() ? (byte) 1 : (byte) 0;
        for (byte i = 0; i < 4; i++) {
            try {
                if (i == 0)
                    UpgradeManager.getPreviousPackageVersion();
                else if (i == 1)
                    UpgradeManager.checkPreviousPackageAID(params, (short) 0, (byte) 0);
                else if (i == 2)
                    UpgradeManager.createElement(Element.TYPE_SIMPLE, (short) 0, (short) 0);
                else
                    UpgradeManager.matchMappedElement(this);
            } catch (ISOException e) {
                Util.setShort(b, (short) (1 + 2 * n++), e.getReason());
            }
        }
        return (short) (1 + 2 * n);
    }

    public Element onSave() {
        switch (saveMode) {
        case SAVE_THROWS:
            ISOException.throwIt((short) 0x6A9A);
        case SAVE_NOTHING:
            return null;
        case SAVE_OWN_ELEMENT:
            return new Fake();
        case SAVE_OPEN_TRANSACTION:
            JCSystem.beginTransaction();
            counter += 100;
            break;
        default:
            break;
        }
        Element root = UpgradeManager.createElement(Element.TYPE_SIMPLE, (short) 6, (short) 10);
        root.write(counter).write(restoreMode).write(true).write((short) -2);
        root.write(params).write(scratch).write(pin).write(key).write(name).write(table);
        root.write((Object) null).write(UpgradeManager.nonNullReference()).write(first.save());
        root.write(odd());
        if (saveMode == SAVE_OPEN_TRANSACTION) {
            /* Made in a transaction that is left open, the element would be undone with it. */
            JCSystem.commitTransaction();
            JCSystem.beginTransaction();
            counter += 1000;
        }
        return root;
    }

    /** What may not be saved, or (mode 8) what the API refuses at once. */
    private Object odd() {
        switch (saveMode) {
        case SAVE_CUSTOM:
            return this;
        case SAVE_CUSTOM_IN_ARRAY:
            return new Object[] {params, first};
        case SAVE_CUSTOM_ARRAY:
            return new Node[1];
        case SAVE_ODD:
            return refused();
        default:
            return new Object[] {params, null};
        }
    }

    private byte[] refused() {
        byte[] r = new byte[12];
        Element e = UpgradeManager.createElement(Element.TYPE_MAPPED, (short) 3, (short) 1);
        r[0] = (byte) e.canWriteBoolean();
        r[1] = (byte) e.canWriteByte();
        r[2] = (byte) e.canWriteShort();
        r[3] = (byte) e.canWriteObject();
        e.write((short) 1).write(r);
        for (byte i = 4; i < 10; i++) {
            try {
                if (i == 4)
                    e.write((short) 2);
                else if (i == 5)
                    e.write((Object) null);
                else if (i == 6)
                    e.initRead();
                else if (i == 7)
                    e.readByte();
                else
                    e.write(APDU.getCurrentAPDUBuffer());
            } catch (ISOException x) {
                r[i] = x.getReason() == ISO7816.SW_CONDITIONS_NOT_SATISFIED ? (byte) 1 : (byte) 2;
            } catch (SecurityException x) {
                r[i] = 3;
            }
        }
        r[10] = UpgradeManager.isUpgrading() ? (byte) 1 : (byte) 0;
        r[11] = UpgradeManager.getPreviousPackageVersion() == (short) 0x0100 ? (byte) 1 : (byte) 0;
        return r;
    }

    public void onCleanup() {
        cleanups++;
        if (saveMode == CLEANUP_THROWS)
            ISOException.throwIt((short) 0x6A9B);
    }

    /** The way back: what the new version could not take, the old one takes again. */
    public void onRestore(Element root) {
        if (root == null)
            return;
        root.initRead();
        counter = root.readShort();
        restoreMode = root.readByte();
        root.readBoolean();
        root.readShort();
        params = (byte[]) root.readObject();
        scratch = (byte[]) root.readObject();
        pin = (OwnerPIN) root.readObject();
        key = (AESKey) root.readObject();
        name = (AID) root.readObject();
        table = (byte[]) root.readObject();
        root.readObject();
        root.readObject();
        first = Node.restore((Element) root.readObject());
    }

    public void onConsolidate() {
    }
}
