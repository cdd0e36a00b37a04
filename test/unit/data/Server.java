package lib;

import javacard.framework.AID;
import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.Shareable;

/** Shares a counter with other applets (for the tests of deletion). */
public class Server extends Applet implements Tick {
    private short count;

    public static void install(byte[] data, short off, byte len) {
        new Server().register();
    }

    public void process(APDU apdu) {
    }

    public Shareable getShareableInterfaceObject(AID client, byte parameter) {
        return this;
    }

    public short tick() {
        return ++count;
    }
}
