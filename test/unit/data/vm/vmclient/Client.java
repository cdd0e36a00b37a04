package vmclient;
import javacard.framework.*;
import vmtest.Sharing;

/* A client of the shareable interface of package vmtest, in a context of its own. */
public class Client extends Applet {
    private short own;
    private Sharing kept;

    public static void install(byte[] bArray, short bOffset, byte bLength) {
        new Client().register();
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        Object other = JCSystem.getAppletShareableInterfaceObject(null, (byte) 0);
        short r = 0;
        switch (b[1]) {
        case 0: r = ((Sharing) other).share(b[2]); break;
        case 1: kept = (Sharing) other; r = own += 1; break;
        case 2: own = 3; r = (short) (kept.share((short) 1) * 10 + own); break;
        case 3: r = (short) (other.equals(this) ? 1 : 2); break;
        case 4: r = (short) (other instanceof Client ? 1 : 2); break;
        case 5: try {
                r = ((Sharing) other).share((short) -1);
            } catch (ISOException e) {
                r = (short) (e.getReason() + own);
            }
            break;
        }
        Util.setShort(b, (short) 0, r);
    }
}
