package org.mintmark.probelib;

import javacard.framework.Shareable;

/** What the peer does for an applet of another package, on its own side of the firewall (JCRE 6.2.4). */
public interface Peer extends Shareable {
    /** An object of the peer: 0 byte[], 1 short[], 2 Object[], 3 transient byte[], 4 Part, 5 its AID, 6 APDU buffer, 7 kept, 8 boolean[]. */
    Object give(short which);

    /** The first byte of an array that the caller names. */
    short take(byte[] array);

    /** Keeps a reference in a field, a static field or an array: 0, 1, 2. */
    void keep(Object object, short where);

    /** Throws: see Probe.raise. */
    void raise(short kind, short reason);

    /** beginTransaction, commitTransaction, abortTransaction: 0, 1, 2; else the depth. */
    short transact(short what);

    /** Last byte of the previous context's AID, or -1. */
    short previous();

    /** Calls the caller's own interface from here. */
    short back(Peer caller, short what);

    /** Allocates: 0 persistent, 1 CLEAR_ON_RESET, 2 CLEAR_ON_DESELECT array of one byte. */
    short make(short which);
}
