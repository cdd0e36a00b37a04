package org.mintmark.runtime;

import javacard.framework.Shareable;

/** What one package's applet lets another's call. */
public interface Shared extends Shareable {
    /** JCSystem.getPreviousContextAID() there: its length, its bytes. */
    short caller(byte[] to, short offset);

    /** makeTransientByteArray(CLEAR_ON_DESELECT) there: 0, or the reason of what it throws. */
    short makeTransient();

    /** Write to the CLEAR_ON_DESELECT array: 0, or -1 when the firewall says no. */
    short useTransient();
}
