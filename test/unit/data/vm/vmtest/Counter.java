package vmtest;
import javacard.framework.*;

/* The test applet of the VM: each instruction exercises one thing and answers in the APDU buffer. */
public class Counter extends Applet implements Sharing, AppletEvent {
    static short total = 3;
    static byte step = (byte) 0x81;
    static byte[] table = { 1, 2, 3, -4 };
    static short[] words = { 0x1234, -2 };
    static Object kept;

    private short value;
    private byte small;
    private byte[] store;
    private byte[] volatileBytes;
    private Counter self;
    private Base shape;

    static class Base {
        short get() { return 1; }
        short both() { return (short) (get() * 10 + own()); }
        private short own() { return 2; }
    }
    static class Derived extends Base {
        short get() { return (short) (super.get() + 4); }
    }

    private Counter(byte[] bArray, short off, byte len) {
        store = new byte[8];
        volatileBytes = JCSystem.makeTransientByteArray((short) 4, JCSystem.CLEAR_ON_DESELECT);
        self = this;
        shape = new Derived();
        if (len > 0)
            value = bArray[off];
        register();
    }

    public static void install(byte[] bArray, short bOffset, byte bLength) {
        new Counter(bArray, bOffset, bLength);
    }

    public short share(short x) {
        if (x < 0)
            ISOException.throwIt((short) 0x100);
        value += x;
        return value;
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return this;
    }

    public void uninstall() {
        total = 0;
    }

    private static short fib(short n) {
        return n < 2 ? n : (short) (fib((short) (n - 1)) + fib((short) (n - 2)));
    }

    private short caught(byte which) {
        try {
            switch (which) {
            case 0: return store[8];
            case 1: return (short) (1 / (which - 1));
            case 2: self = null; return self.value;
            case 3: Object o = store; return ((Counter) o).value;
            case 4: return (short) new byte[(short) (which - 6)].length;
            case 5: Object[] a = new Counter[1]; a[0] = store; return 0;
            case 6: ISOException.throwIt((short) 0x6a81); return 0;
            case 7: throw new UserException((short) 77);
            default: return 99;
            }
        } catch (ArrayIndexOutOfBoundsException e) {
            return 100;
        } catch (ArithmeticException e) {
            return 101;
        } catch (NullPointerException e) {
            return 102;
        } catch (ClassCastException e) {
            return 103;
        } catch (NegativeArraySizeException e) {
            return 104;
        } catch (ArrayStoreException e) {
            return 105;
        } catch (ISOException e) {
            return (short) (e.getReason() - 0x6a81 + 106);
        } catch (UserException e) {
            return (short) (e.getReason() + 30);
        } finally {
            small++;
        }
    }

    private short lookup(short k) {
        switch (k) {
        case 1000: return 1;
        case -5: return 2;
        case 7: return 3;
        default: return 4;
        }
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        short r = 0;
        switch (b[1]) {
        case 0: r = value += 1; break;
        case 1: r = fib(b[2]); break;
        case 2: r = caught(b[2]); break;
        case 3: r = shape.both(); break;
        case 4: total += step; r = total; break;
        case 5: r = (short) (table[0] + table[3] + words[0] + words[1]); table[0]++; break;
        case 6: JCSystem.beginTransaction(); value = 55; store[1] = 9; kept = new byte[3]; total = 1;
                if (b[2] == 0) JCSystem.abortTransaction(); else JCSystem.commitTransaction();
                r = value; break;
        case 7: volatileBytes[0]++; r = volatileBytes[0]; break;
        case 8: r = lookup(Util.getShort(b, (short) 2)); break;
        case 9: kept = b; break;                       /* global array: may not be stored */
        case 10: kept = new byte[10]; kept = null; JCSystem.requestObjectDeletion(); break;
        case 11: while (true) value++;
        case 12: r = deep((short) 0); break;
        case 13: ISOException.throwIt((short) 0x6d00); break;
        case 14: Sharing s = (Sharing) JCSystem.getAppletShareableInterfaceObject(null, (byte) 0);
                r = s.share(b[2]); break;
        case 15: /* a field of an object of another context */
                Object o = JCSystem.getAppletShareableInterfaceObject(null, (byte) 0);
                r = ((Counter) o).value; break;
        case 16: short sum = 0;
                for (short i = 0; i < 100; i++) sum += i;
                r = sum; break;
        case 17: r = (short) (this instanceof Sharing && !(kept instanceof Counter) ? 1 : 0); break;
        }
        Util.setShort(b, (short) 0, r);
    }

    private short deep(short n) { return deep((short) (n + 1)); }
}
