package org.mintmark.extras;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPINBuilder;
import javacard.framework.OwnerPINx;
import javacard.framework.SensitiveArrays;
import javacard.framework.UserException;
import javacard.framework.Util;
import javacardx.apdu.util.APDUUtil;
import javacardx.biometry.BioBuilder;
import javacardx.biometry.BioException;
import javacardx.biometry.OwnerBioTemplate;
import javacardx.biometry1toN.Bio1toNBuilder;
import javacardx.biometry1toN.OwnerBioMatcher;
import javacardx.biometry1toN.OwnerBioTemplateData;
import javacardx.external.ExternalException;
import javacardx.external.Memory;
import javacardx.external.MemoryAccess;
import javacardx.framework.math.BCDUtil;
import javacardx.framework.math.BigNumber;
import javacardx.framework.math.ParityBit;
import javacardx.framework.string.StringException;
import javacardx.framework.string.StringUtil;
import javacardx.framework.tlv.BERTLV;
import javacardx.framework.tlv.BERTag;
import javacardx.framework.tlv.ConstructedBERTLV;
import javacardx.framework.tlv.ConstructedBERTag;
import javacardx.framework.tlv.PrimitiveBERTLV;
import javacardx.framework.tlv.PrimitiveBERTag;
import javacardx.framework.tlv.TLVException;
import javacardx.framework.util.ArrayLogic;
import javacardx.framework.util.UtilException;
import javacardx.framework.util.intx.JCint;
import javacardx.security.SensitiveResult;

/** One instruction for each package of the API that few applets use. */
public class Extras extends Applet {
    private final BigNumber sum = new BigNumber((short) 8);
    private final ConstructedBERTLV record = new ConstructedBERTLV((short) 2);
    private final OwnerBioTemplate finger = BioBuilder.buildBioTemplate(BioBuilder.FINGERPRINT, (byte) 3);
    private final OwnerBioMatcher words =
            Bio1toNBuilder.buildBioMatcher((short) 2, Bio1toNBuilder.PASSWORD, (byte) 3);
    private final byte[] sealed = (byte[]) SensitiveArrays.makeIntegritySensitiveArray(
            JCSystem.ARRAY_TYPE_BYTE, JCSystem.MEMORY_TYPE_PERSISTENT, (short) 8);
    private final MemoryAccess store;
    private final OwnerPINx pin =
            (OwnerPINx) OwnerPINBuilder.buildOwnerPIN((byte) 5, (byte) 8, OwnerPINBuilder.OWNER_PIN_X);

    /** A TLV that takes nothing. */
    static class Nothing extends BERTLV {
        public short init(byte[] b, short off, short len) {
            TLVException.throwIt(TLVException.INSUFFICIENT_STORAGE);
            return 0;
        }
    }

    private Extras() {
        short[] size = {0, 64};

        store = Memory.getMemoryAccessInstance(Memory.MEMORY_TYPE_EXTENDED_STORE, size, (short) 0);
    }

    public static void install(byte[] params, short off, byte len) {
        new Extras().register(params, (short) (off + 1), params[off]);
    }

    public void process(APDU apdu) {
        byte[] b = apdu.getBuffer();
        short n;

        if (selectingApplet())
            return;
        n = apdu.setIncomingAndReceive();
        try {
            n = run(b, n);
        } catch (TLVException e) {
            ISOException.throwIt((short) (0x6700 + e.getReason()));
        } catch (StringException e) {
            ISOException.throwIt((short) (0x6710 + e.getReason()));
        } catch (UtilException e) {
            ISOException.throwIt((short) (0x6720 + e.getReason()));
        } catch (BioException e) {
            ISOException.throwIt((short) (0x6730 + e.getReason()));
        } catch (ExternalException e) {
            ISOException.throwIt((short) (0x6740 + e.getReason()));
        } catch (ArithmeticException e) {
            ISOException.throwIt((short) 0x6750);
        }
        apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, n);
    }

    /** Data at 5, length n; the answer goes to the same place. */
    private short run(byte[] b, short n) {
        switch (b[ISO7816.OFFSET_INS]) {
        case 0x10: /* a decimal number is added; the sum, in P1 bytes */
            sum.add(b, (short) 5, n, BigNumber.FORMAT_BCD);
            sum.toBytes(b, (short) 5, b[ISO7816.OFFSET_P1], BigNumber.FORMAT_BCD);
            return b[ISO7816.OFFSET_P1];
        case 0x12: /* hexadecimal to decimal */
            return BCDUtil.convertToBCD(b, (short) 5, n, b, (short) 5);
        case 0x14: /* a TLV becomes the record; how many parts it has */
            record.init(b, (short) 5, n);
            return count(b);
        case 0x16: /* a value is appended as tag 9F50 */
            append(b, n);
            return record.toBytes(b, (short) 5);
        case 0x18: /* upper case, then UTF-16 */
            n = StringUtil.toUpperCase(b, (short) 5, n, b, (short) 5);
            return StringUtil.convertTo(b, (short) 5, n, b, (short) 5, StringUtil.UTF_16_BE);
        case 0x1A: /* bytes to ints, and the third power of the first */
            return cube(b, n);
        case 0x1C:
            return enrol(b, n);
        case 0x1E:
            Util.setShort(b, (short) 5, finger.initMatch(b, (short) 5, n));
            return 2;
        case 0x20:
            return choose(b, n);
        case 0x22:
            return seal(b, n);
        case 0x24: /* to the store at P2, and back */
            store.writeData(b, (short) 5, n, null, (short) 0, (short) 0, (short) 0,
                    (short) (b[ISO7816.OFFSET_P2] & 0xFF));
            Util.arrayFillNonAtomic(b, (short) 5, n, (byte) 0);
            return store.readData(b, (short) 5, null, (short) 0, (short) 0, (short) 0,
                    (short) (b[ISO7816.OFFSET_P2] & 0xFF), n);
        case 0x28: /* odd parity; then the last two bytes as int, and bytes 1 to 4 */
            return integers(b, n);
        case 0x2A: /* the limit of tries changes */
            pin.setTryLimit(b[5]);
            b[5] = pin.getTryLimit();
            return 1;
        case 0x2C: /* what is new and empty */
            return empty(b);
        case 0x26:
            b[5] = APDUUtil.getCLAChannel(b[5]);
            return 1;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
            return 0;
        }
    }

    private short integers(byte[] b, short n) {
        ParityBit.set(b, (short) 5, n, false);
        JCint.setInt(b, (short) (5 + n), JCint.makeInt((short) 1, Util.getShort(b, (short) (3 + n))));
        JCint.setInt(b, (short) (9 + n), JCint.makeInt(b[5], b[6], b[7], b[8]));
        return (short) (n + 8);
    }

    private short empty(byte[] b) {
        Object[] made = {new BCDUtil(), new ParityBit()};

        try {
            if (made[0] == made[1])
                return 0;
            throw new UserException();
        } catch (UserException e) {
            Util.setShort(b, (short) 5, e.getReason());
        }
        new Nothing().init(b, (short) 5, (short) 2);
        return 2;
    }

    private short count(byte[] b) {
        BERTLV part = record.find(null);
        short n = 0;

        while (part != null) {
            n++;
            part = record.findNext(null, part, (short) 1);
        }
        b[5] = (byte) n;
        return 1;
    }

    private void append(byte[] b, short n) {
        PrimitiveBERTLV part = new PrimitiveBERTLV(n);
        PrimitiveBERTag tag = new PrimitiveBERTag();
        ConstructedBERTag outer = new ConstructedBERTag();

        tag.init(BERTag.BER_TAG_CLASS_MASK_CONTEXT_SPECIFIC, (short) 0x50);
        part.init(tag, b, (short) 5, n);
        outer.init(BERTag.BER_TAG_CLASS_MASK_APPLICATION, (short) 16);
        if (record.find(tag) != null)
            record.delete(record.find(tag), (short) 1);
        record.append(part);
        if (!record.getTag().equals(outer))
            ISOException.throwIt((short) 0x6FFE);
    }

    private short cube(byte[] b, short n) {
        int[] v = JCint.makeTransientIntArray((short) 2, JCSystem.CLEAR_ON_RESET);

        ArrayLogic.arrayCopyRepack(b, (short) 5, n, v, (short) 0);
        return (short) (JCint.setInt(b, (short) 5, v[0] * v[0] * v[0]) - 5);
    }

    private short enrol(byte[] b, short n) {
        OwnerBioTemplateData word = Bio1toNBuilder.buildBioTemplateData(Bio1toNBuilder.PASSWORD);

        finger.init(b, (short) 5, n);
        finger.doFinal();
        word.init(b, (short) 5, n);
        word.doFinal();
        words.putBioTemplateData((short) 1, word);
        return 0;
    }

    private short choose(byte[] b, short n) {
        short score = words.initMatch(b, (short) 5, n);

        SensitiveResult.assertEquals(score);
        Util.setShort(b, (short) 5, score);
        b[7] = (byte) words.getIndexOfLastMatchingBioTemplateData();
        return 3;
    }

    private short seal(byte[] b, short n) {
        for (short i = 0; i < n; i++)
            sealed[i] = b[(short) (5 + i)];
        SensitiveArrays.assertIntegrity(sealed);
        if (Util.arrayCompare(sealed, (short) 0, b, (short) 5, n) == 0)
            SensitiveResult.assertZero();
        return Util.arrayCopy(sealed, (short) 0, b, (short) 5, (short) 8) == 13 ? (short) 8 : 0;
    }
}
