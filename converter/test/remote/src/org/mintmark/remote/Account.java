package org.mintmark.remote;

import java.rmi.RemoteException;
import javacard.framework.UserException;

/** Every type that a remote method can take or give. */
public interface Account extends Counting {
    short TOO_MUCH = 0x6001;

    void set(short value) throws RemoteException, UserException;
    boolean both(boolean a, byte b) throws RemoteException;
    byte low(short value) throws RemoteException;
    byte[] reversed(byte[] bytes) throws RemoteException;
    short[] twice(short[] values, boolean[] which) throws RemoteException;
    Account other() throws RemoteException;
    Account hidden() throws RemoteException;
    void fail(byte how) throws RemoteException, UserException;
}
