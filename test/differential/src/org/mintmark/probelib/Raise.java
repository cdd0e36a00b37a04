package org.mintmark.probelib;

import javacard.framework.APDUException;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.PINException;
import javacard.framework.SystemException;
import javacard.framework.TransactionException;

/** Throws, in the context of whom calls it. */
public final class Raise {
    private Raise() {
    }

    /** Exceptions of the framework (instances of the JCRE), of the virtual machine, and one of this context's own. */
    public static void one(short kind, short reason) {
        byte[] none = null;

        switch (kind) {
        case 0:
            ISOException.throwIt(reason);
            break;
        case 1:
            none[(short) 0] = (byte) 1;
            break;
        case 2:
            APDUException.throwIt(reason);
            break;
        case 3:
            SystemException.throwIt(reason);
            break;
        case 4:
            TransactionException.throwIt(reason);
            break;
        case 5:
            PINException.throwIt(reason);
            break;
        case 6:
            throw new ISOException(reason);
        case 7:
            throw new NullPointerException();
        case 8:
            throw new ClassCastException();
        case 9:
            JCSystem.beginTransaction();
            ISOException.throwIt(reason);
            break;
        case 10:
            throw new SecurityException();
        default:
            throw new RuntimeException();
        }
    }
}
