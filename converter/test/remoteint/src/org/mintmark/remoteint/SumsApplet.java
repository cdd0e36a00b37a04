package org.mintmark.remoteint;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.service.Dispatcher;
import javacard.framework.service.RMIService;

/** A Sums behind an RMI service and nothing else. */
public class SumsApplet extends Applet {
    private final Dispatcher dispatcher = new Dispatcher((short) 1);

    private SumsApplet() {
        dispatcher.addService(new RMIService(new SumsObject()), Dispatcher.PROCESS_COMMAND);
    }

    public static void install(byte[] params, short off, byte len) {
        new SumsApplet().register(params, (short) (off + 1), params[off]);
    }

    public void process(APDU apdu) {
        dispatcher.process(apdu);
    }
}
