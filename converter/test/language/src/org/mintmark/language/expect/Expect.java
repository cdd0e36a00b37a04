package org.mintmark.language.expect;

import org.mintmark.language.Cases;

/** Prints what a Java virtual machine answers: case, argument, answer, in the order of the calls. Not
 *  for cards. */
class Expect {
    private static final int[] ARGUMENTS = { 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 99, 127, 128, 255, 300, 501,
        1000, 4660, 32767, -1, -2, -3, -128, -129, -1000, -32768 };

    public static void main(String[] args) {
        for (byte which = 0; which < Cases.COUNT; which++) {
            for (int x : ARGUMENTS)
                System.out.printf("%d %d %d%n", which, (short) x, Cases.run(which, (short) x));
        }
    }
}
