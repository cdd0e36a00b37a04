package org.mintmark.remote;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.service.BasicService;
import javacard.framework.service.Dispatcher;
import javacard.framework.service.RMIService;
import javacard.framework.service.SecurityService;
import javacard.framework.service.Service;

/** An account behind an RMI service, and a service of its own that counts commands. */
public class RemoteApplet extends Applet {
    private final Dispatcher dispatcher;
    private final RMIService service;

    /** What an applet's own security service says: the cardholder is known, input is whole. */
    static class Guard extends BasicService implements SecurityService {
        public boolean isAuthenticated(short principal) {
            return principal == PRINCIPAL_CARDHOLDER;
        }

        public boolean isChannelSecure(byte properties) {
            return properties == PROPERTY_INPUT_INTEGRITY;
        }

        public boolean isCommandSecure(byte properties) {
            return isChannelSecure(properties);
        }
    }

    /** INS 10: how many commands there were; INS 12: another instruction for INVOKE; 14: fails. */
    static class Statistics extends BasicService {
        private final RemoteApplet applet;
        private final SecurityService guard = new Guard();
        private short commands;

        Statistics(RemoteApplet applet) {
            this.applet = applet;
        }

        public boolean processDataIn(APDU apdu) {
            commands++;
            return super.processDataIn(apdu);
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
            case 0x1A:
                return answerGuard(apdu);
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
            return !super.processDataOut(apdu);
        }

        private boolean answerGuard(APDU apdu) {
            Service plain = guard;
            byte bits = 0;

            if (guard.isAuthenticated(SecurityService.PRINCIPAL_CARDHOLDER))
                bits |= 1;
            if (guard.isAuthenticated(SecurityService.PRINCIPAL_CARD_ISSUER))
                bits |= 2;
            if (guard.isChannelSecure(SecurityService.PROPERTY_INPUT_INTEGRITY))
                bits |= 4;
            if (guard.isCommandSecure(SecurityService.PROPERTY_OUTPUT_CONFIDENTIALITY))
                bits |= 8;
            if (plain.processDataIn(apdu) || plain.processCommand(apdu) || plain.processDataOut(apdu))
                bits |= 16; /* a service that does nothing says so */
            succeed(apdu);
            apdu.getBuffer()[5] = bits;
            setOutputLength(apdu, (short) 1);
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
