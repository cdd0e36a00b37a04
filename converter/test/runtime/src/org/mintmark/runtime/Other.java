package org.mintmark.runtime;

/** A second applet of the package. */
public final class Other extends Multi {
    public static void install(byte[] data, short offset, byte length) {
        new Other().register(data, (short) (offset + 1), data[offset]);
    }
}
