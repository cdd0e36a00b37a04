package org.mintmark.library;

/** A library class: exported fields, methods, constructors and constants. */
public abstract class Counter implements Steps {
    public static final short LIMIT = 1000;
    public static final byte[] PRIMES = { 2, 3, 5, 7, 11 };
    public static short made;
    public short value;
    protected Object tag;
    private byte[] log;
    boolean open;

    protected Counter(short start) {
        value = start;
        log = new byte[4];
        made++;
    }

    public static short twice(short x) {
        return (short) (x + x);
    }

    public abstract short next();

    protected void note(byte b) {
        log[0] = b;
    }

    void inside() {
        open = true;
    }
}
