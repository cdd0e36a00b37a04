package org.mintmark.exceptions;

import java.io.IOException;
import java.rmi.RemoteException;
import javacard.framework.APDU;
import javacard.framework.APDUException;
import javacard.framework.Applet;
import javacard.framework.CardException;
import javacard.framework.CardRuntimeException;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.PINException;
import javacard.framework.SystemException;
import javacard.framework.TransactionException;
import javacard.framework.UserException;
import javacard.framework.service.ServiceException;
import javacard.security.CryptoException;
import javacardx.biometry.BioException;
import javacardx.biometry1toN.Bio1toNException;
import javacardx.external.ExternalException;
import javacardx.framework.string.StringException;
import javacardx.framework.tlv.TLVException;
import javacardx.framework.util.UtilException;

/**
 * Every exception class of the API, one an INS: made and thrown by hand, thrown by throwIt, caught as
 * itself and as what it extends. The answer is the status word: 9000, or 6Fxx with the step that went wrong.
 */
public class Exceptions extends Applet {
    private static final short REASON = 0x1234;
    private static final short OTHER = (short) 0xFEDC;
    private static final short FIRST = 0x40;

    public static void install(byte[] data, short off, byte len) {
        new Exceptions().register();
    }

    private static void expect(boolean right, byte step) {
        if (!right)
            ISOException.throwIt((short) (ISO7816.SW_UNKNOWN | step));
    }

    private static void cardException() throws CardException {
        CardException e = new CardException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (Exception caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            CardException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardException caught) {
            expect(caught instanceof CardException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void cardRuntimeException() throws CardException {
        CardRuntimeException e = new CardRuntimeException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (RuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            CardRuntimeException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof CardRuntimeException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void aPDUException() throws CardException {
        APDUException e = new APDUException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            APDUException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof APDUException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void iSOException() throws CardException {
        ISOException e = new ISOException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            ISOException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof ISOException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void pINException() throws CardException {
        PINException e = new PINException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            PINException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof PINException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void systemException() throws CardException {
        SystemException e = new SystemException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            SystemException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof SystemException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void transactionException() throws CardException {
        TransactionException e = new TransactionException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            TransactionException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof TransactionException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void userException() throws CardException {
        UserException e = new UserException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            UserException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardException caught) {
            expect(caught instanceof UserException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void serviceException() throws CardException {
        ServiceException e = new ServiceException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            ServiceException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof ServiceException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void cryptoException() throws CardException {
        CryptoException e = new CryptoException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            CryptoException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof CryptoException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void bioException() throws CardException {
        BioException e = new BioException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            BioException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof BioException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void bio1toNException() throws CardException {
        Bio1toNException e = new Bio1toNException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            Bio1toNException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof Bio1toNException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void externalException() throws CardException {
        ExternalException e = new ExternalException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            ExternalException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof ExternalException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void stringException() throws CardException {
        StringException e = new StringException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            StringException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof StringException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void tLVException() throws CardException {
        TLVException e = new TLVException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            TLVException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof TLVException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    private static void utilException() throws CardException {
        UtilException e = new UtilException(REASON);

        expect(e.getReason() == REASON, (byte) 1);
        e.setReason(OTHER);
        expect(e.getReason() == OTHER, (byte) 2);
        try {
            throw e;
        } catch (CardRuntimeException caught) {
            expect(caught == e, (byte) 3);
        }
        try {
            UtilException.throwIt(REASON);
            expect(false, (byte) 4);
        } catch (CardRuntimeException caught) {
            expect(caught instanceof UtilException, (byte) 5);
            expect(caught.getReason() == REASON, (byte) 6);
        }
    }

    /** Those without a reason: thrown, caught as what they extend, and not by a handler of another class. */
    private static void plain(byte which) throws Throwable {
        Throwable made = make(which);

        try {
            throw made;
        } catch (CardRuntimeException e) {
            expect(false, (byte) 1);
        } catch (IndexOutOfBoundsException e) {
            expect(which == 3 || which == 4, (byte) 2);
            expect(e == made, (byte) 3);
        } catch (RuntimeException e) {
            expect(which == 2 || (which > 4 && which < 11), (byte) 4);
            expect(e == made, (byte) 5);
        } catch (IOException e) {
            expect(which == 11 || which == 12, (byte) 6);
            expect(e instanceof RemoteException == (which == 12), (byte) 7);
        } catch (Exception e) {
            expect(which == 1, (byte) 8);
        } catch (Throwable e) {
            expect(which == 0, (byte) 9);
        }
    }

    private static Throwable make(byte which) {
        switch (which) {
            case 0:
                return new Throwable();
            case 1:
                return new Exception();
            case 2:
                return new RuntimeException();
            case 3:
                return new IndexOutOfBoundsException();
            case 4:
                return new ArrayIndexOutOfBoundsException();
            case 5:
                return new NegativeArraySizeException();
            case 6:
                return new NullPointerException();
            case 7:
                return new ClassCastException();
            case 8:
                return new ArithmeticException();
            case 9:
                return new SecurityException();
            case 10:
                return new ArrayStoreException();
            case 11:
                return new IOException();
            default:
                return new RemoteException();
        }
    }

    /** The virtual machine's own, caught where they are thrown. */
    private static void thrownByTheMachine() {
        byte[] bytes = new byte[2];
        Object[] others = new Exceptions[1];
        Object nothing = null;
        short zero = (short) (bytes[0] & 0x7F);
        byte caught = 0;

        try {
            bytes[(short) (zero + 2)] = 1;
        } catch (ArrayIndexOutOfBoundsException e) {
            caught |= 1;
        }
        try {
            bytes = new byte[(short) (zero - 1)];
        } catch (NegativeArraySizeException e) {
            caught |= 2;
        }
        try {
            expect(nothing.equals(others), (byte) 1);
        } catch (NullPointerException e) {
            caught |= 4;
        }
        try {
            nothing = (Exceptions) (Object) bytes;
        } catch (ClassCastException e) {
            caught |= 8;
        }
        try {
            zero = (short) (5 / zero);
        } catch (ArithmeticException e) {
            caught |= 16;
        }
        try {
            others[0] = bytes;
        } catch (ArrayStoreException e) {
            caught |= 32;
        }
        expect(caught == 63, caught);
    }

    private static void reasons(short which) throws CardException {
        switch (which) {
            case 0:
                cardException();
                return;
            case 1:
                cardRuntimeException();
                return;
            case 2:
                aPDUException();
                return;
            case 3:
                iSOException();
                return;
            case 4:
                pINException();
                return;
            case 5:
                systemException();
                return;
            case 6:
                transactionException();
                return;
            case 7:
                userException();
                return;
            case 8:
                serviceException();
                return;
            case 9:
                cryptoException();
                return;
            case 10:
                bioException();
                return;
            case 11:
                bio1toNException();
                return;
            case 12:
                externalException();
                return;
            case 13:
                stringException();
                return;
            case 14:
                tLVException();
                return;
            case 15:
                utilException();
                return;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    public void process(APDU apdu) {
        byte ins = apdu.getBuffer()[ISO7816.OFFSET_INS];

        if (selectingApplet())
            return;
        try {
            if (ins < 13)
                plain(ins);
            else if (ins < FIRST)
                thrownByTheMachine();
            else
                reasons((short) (ins - FIRST));
        } catch (ISOException e) {
            throw e;
        } catch (Throwable e) {
            ISOException.throwIt(ISO7816.SW_DATA_INVALID);
        }
    }
}
