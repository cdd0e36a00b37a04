package org.mintmark.language;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.Util;

/** Answers 80 case P1 P2 with what the case makes of P1 P2. */
public class Language extends Applet {
    public static void install(byte[] data, short off, byte len) {
        new Language().register();
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();

        if (selectingApplet())
            return;
        Util.setShort(b, (short) 0, Cases.run(b[ISO7816.OFFSET_INS], Util.getShort(b, ISO7816.OFFSET_P1)));
        apdu.setOutgoingAndSend((short) 0, (short) 2);
    }
}
