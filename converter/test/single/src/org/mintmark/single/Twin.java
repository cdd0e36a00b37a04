package org.mintmark.single;

/** A second applet of the package. */
public final class Twin extends Single {
    public static void install(byte[] data, short offset, byte length) {
        new Twin().register(data, (short) (offset + 1), data[offset]);
    }
}
