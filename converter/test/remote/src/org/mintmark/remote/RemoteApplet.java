package org.mintmark.remote;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.service.BasicService;
import javacard.framework.service.Dispatcher;
import javacard.framework.service.RMIService;

/** An account behind an RMI service, and a service of its own that counts commands. */
public class RemoteApplet extends Applet {
    private final Dispatcher dispatcher;
    private final RMIService service;

    /** INS 10: how many commands there were; INS 12: another instruction for INVOKE; 14: fails. */
    static class Statistics extends BasicService {
        private final RemoteApplet applet;
        private short commands;

        Statistics(RemoteApplet applet) {
            this.applet = applet;
        }

        public boolean processDataIn(APDU apdu) {
            commands++;
            return false;
        }

        public boolean processCommand(APDU apdu) {
            if (selectingApplet())
                return false;
            switch (getINS(apdu)) {
            case 0x10:
                succeed(apdu);
                apdu.getBuffer()[5] = (byte) commands;
                setOutputLength(apdu, (short) 1);
                return true;
            case 0x12:
                applet.service.setInvokeInstructionByte(getP1(apdu));
                return succeed(apdu);
            case 0x14:
                return fail(apdu, (short) 0x6A81);
            case 0x16:
                return null == apdu.getBuffer() || ((byte[]) null).length == 0;
            default:
                return false;
            }
        }

        public boolean processDataOut(APDU apdu) {
            /* the last byte of an answer of INS 10 is doubled */
            if (getINS(apdu) == 0x10 && getStatusWord(apdu) == (short) 0x9000) {
                apdu.getBuffer()[(short) (5 + getOutputLength(apdu))] = apdu.getBuffer()[5];
                setOutputLength(apdu, (short) (getOutputLength(apdu) + 1));
            }
            return true;
        }
    }

    private RemoteApplet() {
        Statistics statistics = new Statistics(this);

        dispatcher = new Dispatcher((short) 4);
        service = new RMIService(new AccountObject());
        dispatcher.addService(statistics, Dispatcher.PROCESS_INPUT_DATA);
        dispatcher.addService(statistics, Dispatcher.PROCESS_COMMAND);
        dispatcher.addService(service, Dispatcher.PROCESS_COMMAND);
        dispatcher.addService(statistics, Dispatcher.PROCESS_OUTPUT_DATA);
    }

    public static void install(byte[] params, short off, byte len) {
        new RemoteApplet().register(params, (short) (off + 1), params[off]);
    }

    public void process(APDU apdu) {
        dispatcher.process(apdu);
    }
}
