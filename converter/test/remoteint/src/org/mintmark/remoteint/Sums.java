package org.mintmark.remoteint;

import java.rmi.Remote;
import java.rmi.RemoteException;
import javacard.framework.UserException;

/** Remote methods with ints, and such as do not fit. */
public interface Sums extends Remote {
    int sum(int a, short b, int c) throws RemoteException;
    int[] scaled(int[] values, int by) throws RemoteException;
    int largest(int[] values) throws RemoteException;
    short eight(byte[] a, byte[] b, byte[] c, byte[] d, byte[] e, byte[] f, byte[] g, byte[] h)
            throws RemoteException;
    short nine(byte[] a, byte[] b, byte[] c, byte[] d, byte[] e, byte[] f, byte[] g, byte[] h, byte[] i)
            throws RemoteException;
    byte[] bytes(short n) throws RemoteException;
    short[] shorts(short n) throws RemoteException;
    int[] ints(short n) throws RemoteException;
    Sums another() throws RemoteException;
    int refused(int amount) throws RemoteException, UserException;
}
