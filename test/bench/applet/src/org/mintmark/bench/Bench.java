package org.mintmark.bench;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.Util;
import javacard.security.AESKey;
import javacard.security.KeyBuilder;
import javacard.security.KeyPair;
import javacard.security.MessageDigest;
import javacard.security.Signature;
import javacardx.apdu.ExtendedLength;
import javacardx.crypto.Cipher;

/** What bench_applet measures: the least an applet can do, and one thing a command besides. */
public final class Bench extends Applet implements ExtendedLength {
    private static final byte EMPTY = 0x00;
    private static final byte ECHO = 0x02;
    private static final byte COUNT = 0x04;
    private static final byte DIGEST = 0x06;
    private static final byte ENCIPHER = 0x08;
    private static final byte SIGN = 0x0A;
    private static final byte GARBAGE = 0x0C;
    private static final byte COLLECT = 0x0E;
    private static final byte DIGEST_ALL = 0x10;
    private static final byte ENCIPHER_ALL = 0x12;
    private static final byte SIGN_RSA = 0x14;
    private static final short CHAIN = 100;

    private short counter;
    private final MessageDigest digest;
    private final Cipher cipher;
    private final Signature signature;
    private final Signature rsa;
    private Object[] chain;

    private Bench() {
        AESKey key = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
        KeyPair pair = new KeyPair(KeyPair.ALG_EC_FP, KeyBuilder.LENGTH_EC_FP_256);

        key.setKey(new byte[16], (short) 0);
        pair.genKeyPair();
        digest = MessageDigest.getInstance(MessageDigest.ALG_SHA_256, false);
        cipher = Cipher.getInstance(Cipher.ALG_AES_BLOCK_128_CBC_NOPAD, false);
        cipher.init(key, Cipher.MODE_ENCRYPT);
        signature = Signature.getInstance(Signature.ALG_ECDSA_SHA_256, false);
        signature.init(pair.getPrivate(), Signature.MODE_SIGN);
        pair = new KeyPair(KeyPair.ALG_RSA_CRT, KeyBuilder.LENGTH_RSA_2048);
        pair.genKeyPair();
        rsa = Signature.getInstance(Signature.ALG_RSA_SHA_256_PKCS1, false);
        rsa.init(pair.getPrivate(), Signature.MODE_SIGN);
        register();
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new Bench();
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        short length;

        if (selectingApplet()) {
            return;
        }
        switch (buffer[ISO7816.OFFSET_INS]) {
        case EMPTY:
            return;
        case ECHO:
            length = apdu.setIncomingAndReceive();
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, length);
            return;
        case COUNT:
            JCSystem.beginTransaction();
            counter++;
            JCSystem.commitTransaction();
            return;
        case DIGEST:
            length = apdu.setIncomingAndReceive();
            length = digest.doFinal(buffer, ISO7816.OFFSET_CDATA, length, buffer, (short) 0);
            apdu.setOutgoingAndSend((short) 0, length);
            return;
        case ENCIPHER:
            length = apdu.setIncomingAndReceive();
            length = cipher.doFinal(buffer, ISO7816.OFFSET_CDATA, length, buffer, (short) 0);
            apdu.setOutgoingAndSend((short) 0, length);
            return;
        case SIGN:
            length = apdu.setIncomingAndReceive();
            length = signature.sign(buffer, ISO7816.OFFSET_CDATA, length, buffer, (short) 0);
            apdu.setOutgoingAndSend((short) 0, length);
            return;
        case SIGN_RSA:
            length = apdu.setIncomingAndReceive();
            length = rsa.sign(buffer, ISO7816.OFFSET_CDATA, length, buffer, (short) 0);
            apdu.setOutgoingAndSend((short) 0, length);
            return;
        case DIGEST_ALL:
        case ENCIPHER_ALL:
            all(apdu, buffer, buffer[ISO7816.OFFSET_INS] == DIGEST_ALL);
            return;
        case GARBAGE: // CHAIN objects more that live
            for (short i = 0; i < CHAIN; i++) {
                Object[] next = new Object[1];
                next[0] = chain;
                chain = next;
            }
            return;
        case COLLECT: // one that does not
            new Bench.Dust();
            JCSystem.requestObjectDeletion();
            return;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    /** A long message, part by part as the buffer takes it; the answer is the hash, or the last block. */
    private void all(APDU apdu, byte[] buffer, boolean hash) {
        short length = apdu.setIncomingAndReceive();
        short offset = apdu.getOffsetCdata();
        short left = (short) (apdu.getIncomingLength() - length);

        while (left > 0) {
            if (hash) {
                digest.update(buffer, offset, length);
            } else {
                cipher.update(buffer, offset, length, buffer, (short) 0);
            }
            length = apdu.receiveBytes(offset);
            left -= length;
        }
        if (hash) {
            length = digest.doFinal(buffer, offset, length, buffer, (short) 0);
            apdu.setOutgoingAndSend((short) 0, length);
        } else {
            length = cipher.doFinal(buffer, offset, length, buffer, (short) 0);
            apdu.setOutgoingAndSend((short) (length - 16), (short) 16);
        }
    }

    private static final class Dust {
        byte grain;
    }
}
