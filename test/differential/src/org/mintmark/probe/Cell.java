package org.mintmark.probe;

/** An object with a field of each kind. */
final class Cell {
    static short number;
    static Object object;

    short word;
    byte small;
    boolean flag;
    Object other;

    short sum() {
        return (short) (word + small);
    }
}
