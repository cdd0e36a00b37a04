package org.mintmark.probe;

import javacard.framework.AID;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.Shareable;
import javacard.framework.Util;

/** Operations on objects in numbered places: 0 to 15 persistent, 16 to 23 transient. */
final class Memory {
    private static final short HALF = (short) 16;
    private static final short FEW = (short) 8; // cards have little transient memory

    private final Object[] persistent = new Object[HALF];
    private final Object[] onReset = JCSystem.makeTransientObjectArray(FEW, JCSystem.CLEAR_ON_RESET);

    Object get(short place) {
        return place < HALF ? persistent[place] : onReset[(short) (place - HALF)];
    }

    void put(short place, Object object) {
        if (place < HALF) {
            persistent[place] = object;
        } else {
            onReset[(short) (place - HALF)] = object;
        }
    }

    /** 10 to 1F: something new, or another reference, into x. */
    short make(byte op, short x, short y, short p, short q) {
        switch (op) {
        case 0x10:
            put(x, new byte[p]);
            break;
        case 0x11:
            put(x, new short[p]);
            break;
        case 0x12:
            put(x, new boolean[p]);
            break;
        case 0x13:
            put(x, new Object[p]);
            break;
        case 0x14:
            put(x, JCSystem.makeTransientByteArray(p, (byte) q));
            break;
        case 0x15:
            put(x, JCSystem.makeTransientShortArray(p, (byte) q));
            break;
        case 0x16:
            put(x, JCSystem.makeTransientBooleanArray(p, (byte) q));
            break;
        case 0x17:
            put(x, JCSystem.makeTransientObjectArray(p, (byte) q));
            break;
        case 0x18:
            put(x, new OwnerPIN((byte) p, (byte) q));
            break;
        case 0x19:
            put(x, new Cell());
            break;
        case 0x1A:
            put(x, get(y));
            break;
        case 0x1B:
            put(x, null);
            break;
        case 0x1C:
            put(x, JCSystem.getAID());
            break;
        case 0x1D:
            put(x, JCSystem.lookupAID((byte[]) get(y), p, (byte) q));
            break;
        case 0x1E:
            put(x, new AID((byte[]) get(y), p, (byte) q));
            break;
        default:
            put(x, JCSystem.getPreviousContextAID());
            break;
        }
        return (short) (get(x) == null ? 0 : 1);
    }

    /** 20 to 2F: bytecodes on what is in x. */
    short access(byte op, short x, short y, short p, short q) {
        switch (op) {
        case 0x20:
            return ((byte[]) get(x))[p];
        case 0x21:
            return ((short[]) get(x))[p];
        case 0x22:
            return (short) (((boolean[]) get(x))[p] ? 1 : 0);
        case 0x23:
            put(y, ((Object[]) get(x))[p]);
            return (short) (get(y) == null ? 0 : 1);
        case 0x24:
            ((byte[]) get(x))[p] = (byte) q;
            return q;
        case 0x25:
            ((short[]) get(x))[p] = q;
            return q;
        case 0x26:
            ((boolean[]) get(x))[p] = q != (short) 0;
            return q;
        case 0x27:
            ((Object[]) get(x))[p] = get(y);
            return (short) 0;
        case 0x28:
            return length(get(x), p);
        case 0x29:
            return JCSystem.isTransient(get(x));
        case 0x2A:
            return is(get(x));
        case 0x2B:
            return (short) (get(x) == get(y) ? 1 : 0);
        case 0x2C:
            return (short) (get(x).equals(get(y)) ? 1 : 0);
        default:
            return cast(get(x), p);
        }
    }

    private static short length(Object object, short kind) {
        switch (kind) {
        case 0:
            return (short) ((byte[]) object).length;
        case 1:
            return (short) ((short[]) object).length;
        case 2:
            return (short) ((boolean[]) object).length;
        default:
            return (short) ((Object[]) object).length;
        }
    }

    private static short is(Object object) {
        return (short) ((object instanceof byte[] ? 1 : 0) | (object instanceof short[] ? 2 : 0)
                | (object instanceof boolean[] ? 4 : 0) | (object instanceof Object[] ? 8 : 0)
                | (object instanceof AID ? 16 : 0) | (object instanceof OwnerPIN ? 32 : 0)
                | (object instanceof Shareable ? 64 : 0) | (object instanceof Cell ? 128 : 0));
    }

    private static short cast(Object object, short kind) {
        Object seen;

        switch (kind) {
        case 0:
            seen = (byte[]) object;
            break;
        case 1:
            seen = (AID) object;
            break;
        case 2:
            seen = (Shareable) object;
            break;
        case 3:
            seen = (Cell) object;
            break;
        default:
            seen = (OwnerPIN) object;
            break;
        }
        return (short) (seen == null ? 0 : 1);
    }

    /** 30 to 3F: Util. */
    short util(byte op, short x, short y, short p, short q, short r) {
        switch (op) {
        case 0x30:
            return Util.arrayCopy((byte[]) get(x), p, (byte[]) get(y), q, r);
        case 0x31:
            return Util.arrayCopyNonAtomic((byte[]) get(x), p, (byte[]) get(y), q, r);
        case 0x32:
            return Util.arrayFillNonAtomic((byte[]) get(x), p, q, (byte) r);
        case 0x33:
            return Util.arrayCompare((byte[]) get(x), p, (byte[]) get(y), q, r);
        case 0x34:
            return Util.getShort((byte[]) get(x), p);
        case 0x35:
            return Util.setShort((byte[]) get(x), p, q);
        default:
            return Util.makeShort((byte) p, (byte) q);
        }
    }

    /** 40 to 4F: a PIN in x, an array in y. */
    short pin(byte op, short x, short y, short p, short q) {
        OwnerPIN pin = (OwnerPIN) get(x);

        switch (op) {
        case 0x40:
            pin.update((byte[]) get(y), p, (byte) q);
            return (short) 0;
        case 0x41:
            return (short) (pin.check((byte[]) get(y), p, (byte) q) ? 1 : 0);
        case 0x42:
            pin.reset();
            return (short) 0;
        case 0x43:
            pin.resetAndUnblock();
            return (short) 0;
        case 0x44:
            return pin.getTriesRemaining();
        default:
            return (short) (pin.isValidated() ? 1 : 0);
        }
    }

    /** 50 to 5F: fields of the Cell in x, static fields. */
    short field(byte op, short x, short y, short p) {
        switch (op) {
        case 0x50:
            return ((Cell) get(x)).word;
        case 0x51:
            ((Cell) get(x)).word = p;
            return p;
        case 0x52:
            ((Cell) get(x)).small = (byte) p;
            ((Cell) get(x)).flag = p < (short) 0;
            return p;
        case 0x53:
            return (short) (((Cell) get(x)).sum() + (((Cell) get(x)).flag ? 1 : 0));
        case 0x54:
            ((Cell) get(x)).other = get(y);
            return (short) 0;
        case 0x55:
            put(y, ((Cell) get(x)).other);
            return (short) (get(y) == null ? 0 : 1);
        case 0x56:
            Cell.number = p;
            return p;
        case 0x57:
            return Cell.number;
        case 0x58:
            Cell.object = get(x);
            return (short) 0;
        default:
            put(x, Cell.object);
            return (short) (get(x) == null ? 0 : 1);
        }
    }

    /** 70 to 7F: the AID in x. */
    short aid(byte op, short x, short y, short p, short q, short r) {
        AID aid = (AID) get(x);

        switch (op) {
        case 0x70:
            return (short) (aid.equals((byte[]) get(y), p, (byte) q) ? 1 : 0);
        case 0x71:
            return (short) (aid.partialEquals((byte[]) get(y), p, (byte) q) ? 1 : 0);
        case 0x72:
            return (short) (aid.RIDEquals((AID) get(y)) ? 1 : 0);
        case 0x73:
            return aid.getBytes((byte[]) get(y), p);
        default:
            return aid.getPartialBytes(p, (byte[]) get(y), q, (byte) r);
        }
    }
}
