package org.mintmark.extending;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.OwnerPINBuilder;
import javacard.framework.OwnerPINx;
import javacard.framework.SensitiveArrays;
import javacard.framework.UserException;
import javacard.framework.service.BasicService;
import javacard.framework.service.SecurityService;
import javacard.framework.service.Service;
import javacard.security.Checksum;
import javacard.security.InitializedMessageDigest;
import javacard.security.Key;
import javacard.security.KeyAgreement;
import javacard.security.MessageDigest;
import javacard.security.PrivateKey;
import javacard.security.RandomData;
import javacard.security.Signature;
import javacardx.crypto.AEADCipher;
import javacardx.crypto.Cipher;
import javacardx.framework.math.BCDUtil;
import javacardx.framework.math.ParityBit;
import javacardx.framework.tlv.BERTLV;
import javacardx.framework.tlv.BERTag;
import javacardx.framework.tlv.ConstructedBERTag;
import javacardx.framework.tlv.PrimitiveBERTag;
import org.globalplatform.GPSystem;

/**
 * The abstract classes of the API, extended by an applet: their constructors run, and a call through the
 * API's class comes to the applet's method. Answers 9000, or 6Fxx with the step that went wrong.
 */
public class Extending extends Applet {

    private static class OwnMessageDigest extends MessageDigest {
        public short doFinal(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public byte getAlgorithm() {
            return ID;
        }

        public byte getLength() {
            return ID;
        }

        public void reset() {
            calls++;
        }

        public void update(byte[] a, short b, short c) {
            calls++;
        }
    }

    private static class OwnInitializedMessageDigest extends InitializedMessageDigest {
        public void setInitialDigest(byte[] a, short b, short c, byte[] d, short e, short f) {
            calls++;
        }

        public short doFinal(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public byte getAlgorithm() {
            return ID;
        }

        public byte getLength() {
            return ID;
        }

        public void reset() {
            calls++;
        }

        public void update(byte[] a, short b, short c) {
            calls++;
        }
    }

    private static class OwnSignature extends Signature {
        public byte getAlgorithm() {
            return ID;
        }

        public short getLength() {
            return ID;
        }

        public void init(Key a, byte b) {
            calls++;
        }

        public void init(Key a, byte b, byte[] c, short d, short e) {
            calls++;
        }

        public short sign(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public void update(byte[] a, short b, short c) {
            calls++;
        }

        public boolean verify(byte[] a, short b, short c, byte[] d, short e, short f) {
            return true;
        }

        public void setInitialDigest(byte[] a, short b, short c, byte[] d, short e, short f) {
            calls++;
        }

        public short signPreComputedHash(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public boolean verifyPreComputedHash(byte[] a, short b, short c, byte[] d, short e, short f) {
            return true;
        }

        public byte getMessageDigestAlgorithm() {
            return ID;
        }

        public byte getCipherAlgorithm() {
            return ID;
        }

        public byte getPaddingAlgorithm() {
            return ID;
        }
    }

    private static class OwnRandomData extends RandomData {
        public void generateData(byte[] a, short b, short c) {
            calls++;
        }

        public void setSeed(byte[] a, short b, short c) {
            calls++;
        }

        public short nextBytes(byte[] a, short b, short c) {
            return ID;
        }

        public byte getAlgorithm() {
            return ID;
        }
    }

    private static class OwnChecksum extends Checksum {
        public void init(byte[] a, short b, short c) {
            calls++;
        }

        public byte getAlgorithm() {
            return ID;
        }

        public short doFinal(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public void update(byte[] a, short b, short c) {
            calls++;
        }
    }

    private static class OwnKeyAgreement extends KeyAgreement {
        public void init(PrivateKey a) {
            calls++;
        }

        public byte getAlgorithm() {
            return ID;
        }

        public short generateSecret(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }
    }

    private static class OwnCipher extends Cipher {
        public short doFinal(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public byte getAlgorithm() {
            return ID;
        }

        public void init(Key a, byte b) {
            calls++;
        }

        public void init(Key a, byte b, byte[] c, short d, short e) {
            calls++;
        }

        public short update(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public byte getCipherAlgorithm() {
            return ID;
        }

        public byte getPaddingAlgorithm() {
            return ID;
        }
    }

    private static class OwnAEADCipher extends AEADCipher {
        public void init(Key a, byte b, byte[] c, short d, short e, short f, short g, short h) {
            calls++;
        }

        public void updateAAD(byte[] a, short b, short c) {
            calls++;
        }

        public short retrieveTag(byte[] a, short b, short c) {
            return ID;
        }

        public boolean verifyTag(byte[] a, short b, short c, short d) {
            return true;
        }

        public short doFinal(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public byte getAlgorithm() {
            return ID;
        }

        public void init(Key a, byte b) {
            calls++;
        }

        public void init(Key a, byte b, byte[] c, short d, short e) {
            calls++;
        }

        public short update(byte[] a, short b, short c, byte[] d, short e) {
            return ID;
        }

        public byte getCipherAlgorithm() {
            return ID;
        }

        public byte getPaddingAlgorithm() {
            return ID;
        }
    }

    /** A service that does nothing but say who it trusts. */
    private static class OwnService extends BasicService implements SecurityService {
        public boolean isAuthenticated(short principal) {
            return principal == PRINCIPAL_CARDHOLDER;
        }

        public boolean isChannelSecure(byte properties) {
            return properties == PROPERTY_INPUT_INTEGRITY;
        }

        public boolean isCommandSecure(byte properties) {
            return properties == PROPERTY_OUTPUT_INTEGRITY;
        }
    }

    private static class OwnBERTag extends BERTag {
        public void init(byte[] a, short b) {
            calls++;
        }
    }

    private static class OwnBERTLV extends BERTLV {
        public short init(byte[] a, short b, short c) {
            return ID;
        }
    }

    private static final byte ID = 0x5A;
    private static short calls;

    public static void install(byte[] data, short off, byte len) {
        new Extending().register();
    }

    private static void expect(boolean right, byte step) {
        if (!right)
            ISOException.throwIt((short) (ISO7816.SW_UNKNOWN | step));
    }

    private static void digests(byte[] data) {
        MessageDigest digest = new OwnMessageDigest();
        InitializedMessageDigest begun = new OwnInitializedMessageDigest();
        Checksum sum = new OwnChecksum();

        expect(digest.getAlgorithm() == ID && digest.getLength() == ID, (byte) 1);
        digest.update(data, (short) 0, (short) 1);
        begun.setInitialDigest(data, (short) 0, (short) 1, data, (short) 0, (short) 1);
        begun.reset();
        expect(calls == 3, (byte) 2);
        expect(digest.doFinal(data, (short) 0, (short) 1, data, (short) 0) == ID, (byte) 3);
        expect(begun.getAlgorithm() == ID && sum.getAlgorithm() == ID, (byte) 4);
    }

    private static void signatures(byte[] data) {
        Signature signature = new OwnSignature();
        RandomData random = new OwnRandomData();
        KeyAgreement agreement = new OwnKeyAgreement();

        expect(signature.getPaddingAlgorithm() == ID && signature.getLength() == ID, (byte) 5);
        expect(signature.verify(data, (short) 0, (short) 1, data, (short) 0, (short) 1), (byte) 6);
        expect(random.nextBytes(data, (short) 0, (short) 1) == ID, (byte) 7);
        expect(random.getAlgorithm() == ID && agreement.getAlgorithm() == ID, (byte) 8);
    }

    private static void ciphers(byte[] data) {
        Cipher cipher = new OwnCipher();
        AEADCipher aead = new OwnAEADCipher();

        expect(cipher.getCipherAlgorithm() == ID && cipher.getPaddingAlgorithm() == ID, (byte) 9);
        expect(cipher.update(data, (short) 0, (short) 1, data, (short) 0) == ID, (byte) 10);
        expect(aead.retrieveTag(data, (short) 0, (short) 1) == ID, (byte) 11);
        expect(((Cipher) aead).getAlgorithm() == ID, (byte) 12);
    }

    private static void others() {
        OwnerPINx pin = (OwnerPINx) OwnerPINBuilder.buildOwnerPIN((byte) 3, (byte) 8,
            OwnerPINBuilder.OWNER_PIN_X);
        byte[] data = {(byte) 0x01, (byte) 0x23};

        expect(pin.getTryLimit() == 3, (byte) 13);
        pin.setTryLimit((byte) 5);
        expect(pin.getTryLimit() == 5, (byte) 14);
        expect(new UserException().getReason() == 0, (byte) 15);
        expect(SensitiveArrays.isIntegritySensitiveArraysSupported(), (byte) 16);
        expect(new BCDUtil() != null && BCDUtil.isBCDFormat(data, (short) 0, (short) 2), (byte) 17);
        expect(new ParityBit() != null && new GPSystem() != null, (byte) 18);
        expect(!GPSystem.setATRHistBytes(data, (short) 0, (byte) 2), (byte) 23);
    }

    private static void tags(byte[] data) {
        BERTag tag = new OwnBERTag();
        BERTLV tlv = new OwnBERTLV();

        tag.init(data, (short) 0);
        expect(calls == 1, (byte) 19);
        expect(tlv.init(data, (short) 0, (short) 1) == ID, (byte) 20);
        tag = new PrimitiveBERTag();
        tag.init(new byte[] {(byte) 0x5A}, (short) 0);
        expect(!tag.isConstructed() && tag.tagNumber() == 0x1A, (byte) 21);
        tag = new ConstructedBERTag();
        tag.init(new byte[] {(byte) 0x6F}, (short) 0);
        expect(tag.isConstructed() && tag.tagNumber() == 0x0F, (byte) 22);
    }

    private static void services(APDU apdu) {
        OwnService own = new OwnService();
        Service service = own;
        SecurityService security = own;

        expect(!service.processDataIn(apdu) && !service.processDataOut(apdu), (byte) 24);
        expect(!own.processDataIn(apdu) && !own.processDataOut(apdu), (byte) 25);
        expect(security.isAuthenticated(SecurityService.PRINCIPAL_CARDHOLDER), (byte) 26);
        expect(security.isChannelSecure(SecurityService.PROPERTY_INPUT_INTEGRITY), (byte) 27);
        expect(security.isCommandSecure(SecurityService.PROPERTY_OUTPUT_INTEGRITY), (byte) 28);
    }

    public void process(APDU apdu) {
        byte[] data = apdu.getBuffer();

        if (selectingApplet())
            return;
        calls = 0;
        switch (data[ISO7816.OFFSET_INS]) {
            case 0:
                digests(data);
                return;
            case 1:
                signatures(data);
                return;
            case 2:
                ciphers(data);
                return;
            case 3:
                others();
                return;
            case 4:
                tags(data);
                return;
            case 5:
                services(apdu);
                return;
            default:
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }
}
