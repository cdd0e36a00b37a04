package org.mintmark.remote;

import java.rmi.Remote;
import java.rmi.RemoteException;

/** What any counter can be asked from outside. */
public interface Counting extends Remote {
    short count() throws RemoteException;
}
