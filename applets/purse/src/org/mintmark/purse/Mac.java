package org.mintmark.purse;

import javacard.framework.JCSystem;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.KeyBuilder;
import javacard.security.Signature;

/**
 * The two MAC keys and a transient buffer in which a message is put together and signed. Messages
 * begin with a two-letter label, so that no message of one kind can stand for another.
 */
final class Mac {
    static final short LEN = 16;
    static final short KEY_LEN = 16;
    /** Longest message: label, purse id, counter, balance, amount, merchant, nonce, random. */
    private static final short MESSAGE_MAX = 64;

    private final AESKey loadKey;
    private final AESKey debitKey;
    private final Signature cmac;
    /** Message, and behind it the MAC of it. */
    private final byte[] buf;

    Mac() {
        loadKey = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
        debitKey = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
        cmac = Signature.getInstance(Signature.ALG_AES_CMAC_128, false);
        buf = JCSystem.makeTransientByteArray((short) (MESSAGE_MAX + LEN), JCSystem.CLEAR_ON_DESELECT);
    }

    void setKeys(byte[] src, short loadOff, short debitOff) {
        loadKey.setKey(src, loadOff);
        debitKey.setKey(src, debitOff);
    }

    /** Begin a message; the position behind the label. */
    short begin(byte kind, byte number) {
        buf[0] = kind;
        buf[1] = number;
        return (short) 2;
    }

    short putByte(byte value, short at) {
        buf[at] = value;
        return (short) (at + 1);
    }

    short put(byte[] src, short off, short len, short at) {
        return Util.arrayCopyNonAtomic(src, off, buf, at, len);
    }

    /** MAC of the message that ends at end, to out. */
    void signLoad(short end, byte[] out, short outOff) {
        sign(loadKey, end, out, outOff);
    }

    void signDebit(short end, byte[] out, short outOff) {
        sign(debitKey, end, out, outOff);
    }

    /** Compare in constant time: every byte is looked at, whatever the ones before said. */
    boolean verifyLoad(short end, byte[] mac, short macOff) {
        short different = 0;
        sign(loadKey, end, buf, MESSAGE_MAX);
        for (short i = 0; i < LEN; i++) {
            short x = (short) (buf[(short) (MESSAGE_MAX + i)] ^ mac[(short) (macOff + i)]);
            different = (short) (different | x);
        }
        Util.arrayFillNonAtomic(buf, MESSAGE_MAX, LEN, (byte) 0);
        return different == 0;
    }

    private void sign(AESKey key, short end, byte[] out, short outOff) {
        cmac.init(key, Signature.MODE_SIGN);
        cmac.sign(buf, (short) 0, end, out, outOff);
    }
}
