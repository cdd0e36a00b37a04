package org.mintmark.purse;

import javacard.framework.JCSystem;
import javacard.framework.Util;

/**
 * What the purse remembers of its money: balance, transaction counter, the last record as it was
 * answered, and a cyclic log. {@link #commit} is the only way any of it changes, and it changes all
 * of it or nothing, wherever power is lost.
 *
 * A record, as GET LAST answers it; the log keeps its first 21 bytes:
 *
 * <pre>
 *  0     1         5        9               13         21              37      53
 *  +-----+---------+--------+---------------+----------+---------------+-------+
 *  |type | counter | amount | balance after | merchant | session nonce |  MAC  |
 *  +-----+---------+--------+---------------+----------+---------------+-------+
 * </pre>
 */
final class Account {
    static final short REC_TYPE = 0;
    static final short REC_COUNTER = 1;
    static final short REC_AMOUNT = 5;
    static final short REC_BALANCE = 9;
    static final short REC_MERCHANT = 13;
    static final short REC_NONCE = 21;
    static final short REC_MAC = 37;
    static final short REC_LEN = 53;

    static final short MERCHANT_LEN = 8;
    static final short NONCE_LEN = 16;
    static final short LOG_REC_LEN = 21;
    static final short LOG_SLOTS = 10;

    private final byte[] balance;
    private final byte[] counter;
    private final byte[] last;
    private final byte[] log;
    private short nextSlot;

    Account() {
        balance = new byte[Value.LEN];
        counter = new byte[Value.LEN];
        last = new byte[REC_LEN];
        log = new byte[(short) (LOG_SLOTS * LOG_REC_LEN)];
    }

    byte[] balance() {
        return balance;
    }

    byte[] counter() {
        return counter;
    }

    /** True until the first transaction: only then may a balance be restored. */
    boolean isFresh() {
        return Value.isZero(counter, (short) 0);
    }

    /** Take over a complete record. One transaction; nothing in it can throw. */
    void commit(byte[] record) {
        JCSystem.beginTransaction();
        Util.arrayCopy(record, REC_COUNTER, counter, (short) 0, Value.LEN);
        Util.arrayCopy(record, REC_BALANCE, balance, (short) 0, Value.LEN);
        Util.arrayCopy(record, REC_TYPE, last, REC_TYPE, REC_LEN);
        Util.arrayCopy(record, REC_TYPE, log, (short) (nextSlot * LOG_REC_LEN), LOG_REC_LEN);
        nextSlot = (short) (nextSlot + 1);
        if (nextSlot == LOG_SLOTS) {
            nextSlot = 0;
        }
        JCSystem.commitTransaction();
    }

    /** The last record to out; its length, or 0 when there is none. */
    short readLast(byte[] out, short outOff) {
        if (isFresh()) {
            return 0;
        }
        Util.arrayCopyNonAtomic(last, REC_TYPE, out, outOff, REC_LEN);
        return REC_LEN;
    }

    /** Log record back (1 is the newest) to out; its length, or 0 when there is none. */
    short readLog(short back, byte[] out, short outOff) {
        if (back < 1 || back > LOG_SLOTS) {
            return 0;
        }
        short slot = (short) (nextSlot - back);
        if (slot < 0) {
            slot = (short) (slot + LOG_SLOTS);
        }
        short off = (short) (slot * LOG_REC_LEN);
        if (log[off] == 0) { /* no type: never written */
            return 0;
        }
        Util.arrayCopyNonAtomic(log, off, out, outOff, LOG_REC_LEN);
        return LOG_REC_LEN;
    }
}
