package org.mintmark.bench;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.security.AESKey;
import javacard.security.DESKey;
import javacard.security.HMACKey;
import javacard.security.Key;
import javacard.security.KeyBuilder;
import javacard.security.KeyPair;
import javacard.security.MessageDigest;
import javacard.security.Signature;
import javacardx.apdu.ExtendedLength;
import javacardx.crypto.AEADCipher;
import javacardx.crypto.Cipher;

/**
 * What bench_applet measures: the least an applet can do, and one thing a command besides. USE chooses the
 * algorithm (P1) of those with cryptography; their P2, when it is not 0, leaves it out and is the length of
 * the answer.
 */
public final class Bench extends Applet implements ExtendedLength {
    private static final byte EMPTY = 0x00;
    private static final byte ECHO = 0x02;
    private static final byte COUNT = 0x04;
    private static final byte DIGEST = 0x06;
    private static final byte ENCIPHER = 0x08;
    private static final byte SIGN = 0x0A;
    private static final byte SEAL = 0x0C;
    private static final byte DIGEST_ALL = 0x16; // those in extended form
    private static final byte ENCIPHER_ALL = 0x18;
    private static final byte SIGN_ALL = 0x1A;
    private static final byte SEAL_ALL = 0x1C;
    private static final byte USE = 0x1E;
    private static final byte GARBAGE = 0x20;
    private static final byte COLLECT = 0x22;
    private static final short CHAIN = 100;
    private static final short BLOCK = 16;
    private static final short NONCE = 12;

    private short counter;
    private final MessageDigest[] digests;
    private final Cipher[] ciphers;
    private final Signature[] signatures;
    private final AESKey key;
    private final AEADCipher gcm;
    private MessageDigest digest;
    private Cipher cipher;
    private Signature signature;
    private final byte[] nonce;
    private Object[] chain;

    private Bench() {
        byte[] value = new byte[24];

        for (short i = 0; i < value.length; i++) {
            value[i] = (byte) (31 * i + 7);
        }
        key = (AESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_AES, KeyBuilder.LENGTH_AES_128, false);
        key.setKey(value, (short) 0);
        digests = new MessageDigest[] {
            MessageDigest.getInstance(MessageDigest.ALG_SHA, false),
            MessageDigest.getInstance(MessageDigest.ALG_SHA_256, false),
            MessageDigest.getInstance(MessageDigest.ALG_SHA_512, false),
        };
        DESKey des = (DESKey) KeyBuilder.buildKey(KeyBuilder.TYPE_DES, KeyBuilder.LENGTH_DES3_3KEY, false);
        des.setKey(value, (short) 0);
        ciphers = new Cipher[] {
            cipher(Cipher.ALG_AES_BLOCK_128_CBC_NOPAD, key),
            cipher(Cipher.ALG_AES_BLOCK_128_ECB_NOPAD, key),
            cipher(Cipher.ALG_AES_CTR, key),
            cipher(Cipher.ALG_DES_CBC_NOPAD, des),
        };
        HMACKey hmac = (HMACKey) KeyBuilder.buildKey(KeyBuilder.TYPE_HMAC, (short) 128, false);
        hmac.setKey(value, (short) 0, BLOCK);
        signatures = new Signature[] {
            signature(Signature.ALG_AES_CMAC_128, key),
            signature(Signature.ALG_HMAC_SHA_256, hmac),
            signature(Signature.ALG_ECDSA_SHA_256, pair(KeyPair.ALG_EC_FP, KeyBuilder.LENGTH_EC_FP_256)),
            signature(Signature.ALG_RSA_SHA_256_PKCS1, pair(KeyPair.ALG_RSA_CRT, KeyBuilder.LENGTH_RSA_2048)),
        };
        gcm = (AEADCipher) Cipher.getInstance(AEADCipher.ALG_AES_GCM, false);
        nonce = new byte[NONCE];
        register();
    }

    private static Cipher cipher(byte algorithm, Key key) {
        Cipher made = Cipher.getInstance(algorithm, false);
        made.init(key, Cipher.MODE_ENCRYPT);
        return made;
    }

    private static Signature signature(byte algorithm, Key key) {
        Signature made = Signature.getInstance(algorithm, false);
        made.init(key, Signature.MODE_SIGN);
        return made;
    }

    private static Key pair(byte algorithm, short length) {
        KeyPair made = new KeyPair(algorithm, length);
        made.genKeyPair();
        return made.getPrivate();
    }

    public static void install(byte[] parameters, short offset, byte length) {
        new Bench();
    }

    public void process(APDU apdu) {
        byte[] buffer = apdu.getBuffer();
        short length;
        short left;

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
            left = (short) (buffer[ISO7816.OFFSET_P2] & 0xFF);
            if (left == 0) {
                left = digest.doFinal(
                    buffer, ISO7816.OFFSET_CDATA, length, buffer, (short) 0);
            }
            apdu.setOutgoingAndSend((short) 0, left);
            return;
        case ENCIPHER:
            length = apdu.setIncomingAndReceive();
            left = (short) (buffer[ISO7816.OFFSET_P2] & 0xFF);
            if (left == 0) {
                left = cipher.doFinal(
                    buffer, ISO7816.OFFSET_CDATA, length, buffer, ISO7816.OFFSET_CDATA);
            }
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, left);
            return;
        case SIGN:
            length = apdu.setIncomingAndReceive();
            left = (short) (buffer[ISO7816.OFFSET_P2] & 0xFF);
            if (left == 0) {
                left = signature.sign(
                    buffer, ISO7816.OFFSET_CDATA, length, buffer, (short) 0);
            }
            apdu.setOutgoingAndSend((short) 0, left);
            return;
        case SEAL:
            length = apdu.setIncomingAndReceive();
            left = (short) (buffer[ISO7816.OFFSET_P2] & 0xFF);
            if (left == 0) {
                gcm.init(key, Cipher.MODE_ENCRYPT, nonce, (short) 0, NONCE);
                gcm.doFinal(buffer, ISO7816.OFFSET_CDATA, length, buffer, ISO7816.OFFSET_CDATA);
                left = gcm.retrieveTag(buffer, (short) 0, BLOCK);
            }
            apdu.setOutgoingAndSend((short) 0, left);
            return;
        case DIGEST_ALL:
        case ENCIPHER_ALL:
        case SIGN_ALL:
        case SEAL_ALL:
            all(apdu, buffer);
            return;
        case USE:
            digest = digests[buffer[ISO7816.OFFSET_P1] % digests.length];
            cipher = ciphers[buffer[ISO7816.OFFSET_P1] % ciphers.length];
            signature = signatures[buffer[ISO7816.OFFSET_P1] % signatures.length];
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

    /** A long message, part by part as the buffer takes it; the answer is the hash, MAC, tag or last block. */
    private void all(APDU apdu, byte[] buffer) {
        byte what = buffer[ISO7816.OFFSET_INS];
        short answer = (short) (buffer[ISO7816.OFFSET_P2] & 0xFF);
        boolean leftOut = answer != 0;
        short length = apdu.setIncomingAndReceive();
        short offset = apdu.getOffsetCdata();
        short left = (short) (apdu.getIncomingLength() - length);

        if (!leftOut && what == SEAL_ALL) {
            gcm.init(key, Cipher.MODE_ENCRYPT, nonce, (short) 0, NONCE);
        }
        while (left > 0) {
            if (!leftOut) {
                part(buffer, offset, length, what);
            }
            length = apdu.receiveBytes(offset);
            left -= length;
        }
        if (!leftOut) {
            answer = last(buffer, offset, length, what);
        }
        apdu.setOutgoingAndSend((short) 0, answer);
    }

    private void part(byte[] buffer, short offset, short length, byte what) {
        switch (what) {
        case DIGEST_ALL:
            digest.update(buffer, offset, length);
            return;
        case ENCIPHER_ALL:
            cipher.update(buffer, offset, length, buffer, offset);
            return;
        case SIGN_ALL:
            signature.update(buffer, offset, length);
            return;
        default:
            gcm.update(buffer, offset, length, buffer, offset);
        }
    }

    private short last(byte[] buffer, short offset, short length, byte what) {
        switch (what) {
        case DIGEST_ALL:
            return digest.doFinal(buffer, offset, length, buffer, (short) 0);
        case ENCIPHER_ALL:
            cipher.doFinal(buffer, offset, length, buffer, offset);
            return BLOCK;
        case SIGN_ALL:
            return signature.sign(buffer, offset, length, buffer, (short) 0);
        default:
            gcm.doFinal(buffer, offset, length, buffer, offset);
            return gcm.retrieveTag(buffer, (short) 0, BLOCK);
        }
    }

    private static final class Dust {
        byte grain;
    }
}
