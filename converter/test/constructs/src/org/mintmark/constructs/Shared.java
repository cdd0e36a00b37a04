package org.mintmark.constructs;

import javacard.framework.Shareable;

/** What other applets may call. */
public interface Shared extends Shareable {
    byte KIND = 7;

    short share(byte x);
}
