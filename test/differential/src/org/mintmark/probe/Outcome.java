package org.mintmark.probe;

import javacard.framework.APDUException;
import javacard.framework.ISOException;
import javacard.framework.PINException;
import javacard.framework.SystemException;
import javacard.framework.TransactionException;
import javacard.framework.UserException;

/** A number for each exception class, and its reason. */
final class Outcome {
    private Outcome() {
    }

    static byte kind(Throwable thrown) {
        if (thrown instanceof NullPointerException) {
            return (byte) 1;
        }
        if (thrown instanceof ArithmeticException) {
            return (byte) 2;
        }
        if (thrown instanceof ArrayIndexOutOfBoundsException) {
            return (byte) 3;
        }
        if (thrown instanceof ArrayStoreException) {
            return (byte) 4;
        }
        if (thrown instanceof NegativeArraySizeException) {
            return (byte) 5;
        }
        if (thrown instanceof ClassCastException) {
            return (byte) 6;
        }
        if (thrown instanceof SecurityException) {
            return (byte) 7;
        }
        if (thrown instanceof IndexOutOfBoundsException) {
            return (byte) 8;
        }
        return framework(thrown);
    }

    private static byte framework(Throwable thrown) {
        if (thrown instanceof APDUException) {
            return (byte) 0x11;
        }
        if (thrown instanceof SystemException) {
            return (byte) 0x12;
        }
        if (thrown instanceof TransactionException) {
            return (byte) 0x13;
        }
        if (thrown instanceof PINException) {
            return (byte) 0x14;
        }
        if (thrown instanceof ISOException) {
            return (byte) 0x15;
        }
        if (thrown instanceof UserException) {
            return (byte) 0x16;
        }
        return thrown instanceof RuntimeException ? (byte) 0x20 : (byte) 0x21;
    }

    static short reason(Throwable thrown) {
        if (thrown instanceof APDUException) {
            return ((APDUException) thrown).getReason();
        }
        if (thrown instanceof SystemException) {
            return ((SystemException) thrown).getReason();
        }
        if (thrown instanceof TransactionException) {
            return ((TransactionException) thrown).getReason();
        }
        if (thrown instanceof PINException) {
            return ((PINException) thrown).getReason();
        }
        if (thrown instanceof ISOException) {
            return ((ISOException) thrown).getReason();
        }
        return (short) 0;
    }
}
