package org.mintmark.probelib;

/** An ordinary class of the peer: its instances are in the peer's context, its code runs in the caller's. */
public class Part {
    public short number = (short) 0x1234;

    public short get() {
        return number;
    }
}
