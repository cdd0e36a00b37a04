package org.mintmark.remote;

import java.rmi.RemoteException;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.UserException;
import javacard.framework.service.CardRemoteObject;

/** An account that can be called from outside. */
public class AccountObject extends CardRemoteObject implements Account {
    /** An exception that the API does not know. */
    static class Own extends UserException {
        Own(short reason) {
            super(reason);
        }
    }

    private short value;
    private AccountObject next;

    public void set(short to) throws UserException {
        if (to > 1000)
            UserException.throwIt(TOO_MUCH);
        value = to;
    }

    public short count() {
        return value;
    }

    public boolean both(boolean a, byte b) {
        return a && b == -1;
    }

    public byte low(short of) {
        return (byte) of;
    }

    public byte[] reversed(byte[] bytes) {
        byte[] out;

        if (bytes == null)
            return null;
        out = JCSystem.makeTransientByteArray((short) bytes.length, JCSystem.CLEAR_ON_RESET);
        for (short i = 0; i < bytes.length; i++)
            out[i] = bytes[(short) (bytes.length - 1 - i)];
        return out;
    }

    public short[] twice(short[] values, boolean[] which) {
        for (short i = 0; i < values.length; i++) {
            if (which[i])
                values[i] = (short) (2 * values[i]);
        }
        return values;
    }

    public Account other() {
        if (next == null)
            next = new AccountObject();
        return next;
    }

    public Account hidden() {
        AccountObject object = new AccountObject();

        CardRemoteObject.unexport(object);
        return object;
    }

    public void fail(byte how) throws UserException {
        byte[] none = null;

        if (how == 0)
            ISOException.throwIt((short) 0x6A80);
        if (how == 1)
            none[0] = 1;
        if (how == 2)
            throw new Own((short) 0x1234);
    }
}
