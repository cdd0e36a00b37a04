package org.mintmark.purse;

import javacard.framework.APDU;
import javacard.framework.Applet;
import javacard.framework.ISO7816;
import javacard.framework.ISOException;
import javacard.framework.JCSystem;
import javacard.framework.OwnerPIN;
import javacard.framework.Util;
import javacard.security.RandomData;

import org.globalplatform.GPSystem;
import org.globalplatform.SecureChannel;

/**
 * Electronic purse: online load in three MACs, offline debit with a transaction MAC, a log, limits
 * and a PIN. docs/protocol.md has the commands, the README of this folder the status words.
 *
 * A transaction takes two commands. The first fills {@link #op}, a transient record of what is
 * intended; the second completes the record, has it signed and hands it to {@link Account#commit}.
 * Reset, deselection or another first command drops the intention, so nothing half done is kept.
 */
public final class Purse extends Applet {
    private static final byte CLA_ISO = (byte) 0x00;
    private static final byte CLA_PLAIN = (byte) 0x80;
    private static final byte CLA_SECURE = (byte) 0x84;

    private static final byte INS_VERIFY = (byte) 0x20;
    private static final byte INS_INITIALISE_LOAD = (byte) 0x40;
    private static final byte INS_CREDIT = (byte) 0x42;
    private static final byte INS_INITIALISE_DEBIT = (byte) 0x44;
    private static final byte INS_DEBIT = (byte) 0x46;
    private static final byte INS_GET_LAST = (byte) 0x48;
    private static final byte INS_GET_INFO = (byte) 0x4A;
    private static final byte INS_READ_LOG = (byte) 0x4C;
    private static final byte INS_GET_BALANCE = (byte) 0x4E;
    private static final byte INS_INITIALIZE_UPDATE = (byte) 0x50;
    private static final byte INS_EXTERNAL_AUTHENTICATE = (byte) 0x82;
    private static final byte INS_STORE_DATA = (byte) 0xE2;

    private static final byte TYPE_LOAD = (byte) 1;
    private static final byte TYPE_RESTORE = (byte) 2;
    private static final byte TYPE_DEBIT = (byte) 3;

    private static final byte STATE_INSTALLED = (byte) 0;
    private static final byte STATE_PERSONALISED = (byte) 1;

    /** Transient intention: an account record, then the card's random, then what is awaited. */
    private static final short OP_RANDOM = Account.REC_LEN;
    private static final short OP_AWAITS = (short) (OP_RANDOM + 8);
    private static final short OP_LEN = (short) (OP_AWAITS + 1);
    private static final short RANDOM_LEN = 8;
    private static final byte AWAITS_NOTHING = (byte) 0;
    private static final byte AWAITS_CREDIT = (byte) 1;
    private static final byte AWAITS_DEBIT = (byte) 2;

    /** Personal data, in the order of STORE DATA up to the keys. */
    private static final short P_ID = 0;
    private static final short P_CURRENCY = 8;
    private static final short P_MAX_BALANCE = 10;
    private static final short P_MAX_DEBIT = 14;
    private static final short P_PIN_FREE = 18;
    private static final short P_LEN = 22;
    private static final short ID_LEN = 8;
    private static final short CURRENCY_LEN = 2;

    private static final byte PIN_TRIES = 3;
    private static final short PIN_MIN = 4;
    private static final short PIN_MAX = 8;
    private static final byte PIN_REFERENCE = (byte) 1;

    /** Data of the longest command, STORE DATA with padding and MAC, and room to spare. */
    private static final short DATA_MAX = 120;
    private static final short SW_TRIES_LEFT = (short) 0x63C0;
    private static final short SW_PIN_BLOCKED = (short) 0x6983;

    private final byte[] personal;
    private final byte[] op;
    private final Account account;
    private final Mac mac;
    private final OwnerPIN pin;
    private final RandomData random;
    private byte state;

    private Purse() {
        personal = new byte[P_LEN];
        op = JCSystem.makeTransientByteArray(OP_LEN, JCSystem.CLEAR_ON_DESELECT);
        account = new Account();
        mac = new Mac();
        pin = new OwnerPIN(PIN_TRIES, (byte) PIN_MAX);
        random = RandomData.getInstance(RandomData.ALG_SECURE_RANDOM);
        state = STATE_INSTALLED;
    }

    public static void install(byte[] params, short off, byte len) {
        Purse purse = new Purse();
        purse.register(params, (short) (off + 1), params[off]);
    }

    public boolean select() {
        pin.reset();
        return true;
    }

    public void deselect() {
        pin.reset();
        GPSystem.getSecureChannel().resetSecurity();
    }

    public void process(APDU apdu) {
        byte[] buf = apdu.getBuffer();

        if (selectingApplet()) {
            return;
        }
        switch (buf[ISO7816.OFFSET_CLA]) {
        case CLA_ISO:
            if (buf[ISO7816.OFFSET_INS] != INS_VERIFY) {
                ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
            }
            verify(buf, receive(apdu));
            break;
        case CLA_PLAIN:
            processPlain(apdu, buf);
            break;
        case CLA_SECURE:
            processSecure(apdu, buf);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_CLA_NOT_SUPPORTED);
        }
    }

    private void processPlain(APDU apdu, byte[] buf) {
        switch (buf[ISO7816.OFFSET_INS]) {
        case INS_INITIALISE_LOAD:
            send(apdu, initialiseLoad(buf, receive(apdu)));
            break;
        case INS_CREDIT:
            send(apdu, credit(buf, receive(apdu)));
            break;
        case INS_INITIALISE_DEBIT:
            send(apdu, initialiseDebit(buf, receive(apdu)));
            break;
        case INS_DEBIT:
            send(apdu, debit(buf));
            break;
        case INS_GET_LAST:
            requirePersonalised();
            sendRecord(apdu, account.readLast(buf, (short) 0));
            break;
        case INS_READ_LOG:
            requirePersonalised();
            sendRecord(apdu, account.readLog((short) (buf[ISO7816.OFFSET_P1] & 0xFF), buf, (short) 0));
            break;
        case INS_GET_INFO:
            send(apdu, info(buf));
            break;
        case INS_GET_BALANCE:
            requirePersonalised();
            send(apdu, Util.arrayCopyNonAtomic(account.balance(), (short) 0, buf, (short) 0, Value.LEN));
            break;
        case INS_INITIALIZE_UPDATE:
            secureChannelCommand(apdu);
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    private void processSecure(APDU apdu, byte[] buf) {
        short len;

        switch (buf[ISO7816.OFFSET_INS]) {
        case INS_EXTERNAL_AUTHENTICATE:
            secureChannelCommand(apdu);
            break;
        case INS_STORE_DATA:
            len = receive(apdu);
            personalise(buf, unwrap(buf, len));
            break;
        default:
            ISOException.throwIt(ISO7816.SW_INS_NOT_SUPPORTED);
        }
    }

    /** The channel reads the command itself and leaves its answer behind the header. */
    private static void secureChannelCommand(APDU apdu) {
        short len = GPSystem.getSecureChannel().processSecurity(apdu);
        if (len > 0) {
            apdu.setOutgoingAndSend(ISO7816.OFFSET_CDATA, len);
        }
    }

    /** Plain data length of a command that came with MAC and encryption, and with nothing less. */
    private static short unwrap(byte[] buf, short len) {
        SecureChannel channel = GPSystem.getSecureChannel();
        byte needed = (byte) (SecureChannel.AUTHENTICATED | SecureChannel.C_MAC
                | SecureChannel.C_DECRYPTION);
        if ((byte) (channel.getSecurityLevel() & needed) != needed) {
            ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
        }
        len = channel.unwrap(buf, (short) 0, (short) (len + ISO7816.OFFSET_CDATA));
        return (short) (len - ISO7816.OFFSET_CDATA);
    }

    /** All command data into the buffer; the card may hand it over in pieces. */
    private static short receive(APDU apdu) {
        short got = apdu.setIncomingAndReceive();
        short all = apdu.getIncomingLength();
        if (all > DATA_MAX || apdu.getOffsetCdata() != ISO7816.OFFSET_CDATA) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        while (got < all) {
            got = (short) (got + apdu.receiveBytes((short) (ISO7816.OFFSET_CDATA + got)));
        }
        return got;
    }

    private static void send(APDU apdu, short len) {
        apdu.setOutgoingAndSend((short) 0, len);
    }

    private static void sendRecord(APDU apdu, short len) {
        if (len == 0) {
            ISOException.throwIt(ISO7816.SW_RECORD_NOT_FOUND);
        }
        send(apdu, len);
    }

    private void requirePersonalised() {
        if (state != STATE_PERSONALISED) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    private static void requireLength(short len, short expected) {
        if (len != expected) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
    }

    /**
     * STORE DATA: id, currency, three limits, load key, debit key, PIN. Keys and PIN come first and
     * the state last, so a purse whose power failed in between is still to be personalised.
     */
    private void personalise(byte[] buf, short len) {
        short data = ISO7816.OFFSET_CDATA;
        short keys = (short) (data + P_LEN);
        short pinLenAt = (short) (keys + (short) (2 * Mac.KEY_LEN));
        short fixedLen = (short) (P_LEN + (short) (2 * Mac.KEY_LEN) + 1);

        if (state != STATE_INSTALLED) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
        if (len < fixedLen) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        short pinLen = (short) (buf[pinLenAt] & 0xFF);
        if (pinLen < PIN_MIN || pinLen > PIN_MAX || len != (short) (fixedLen + pinLen)) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        mac.setKeys(buf, keys, (short) (keys + Mac.KEY_LEN));
        pin.update(buf, (short) (pinLenAt + 1), (byte) pinLen);
        JCSystem.beginTransaction();
        Util.arrayCopy(buf, data, personal, P_ID, P_LEN);
        state = STATE_PERSONALISED;
        JCSystem.commitTransaction();
        Util.arrayFillNonAtomic(buf, keys, (short) (len - P_LEN), (byte) 0);
    }

    private void verify(byte[] buf, short len) {
        requirePersonalised();
        if (buf[ISO7816.OFFSET_P1] != 0 || buf[ISO7816.OFFSET_P2] != PIN_REFERENCE) {
            ISOException.throwIt(ISO7816.SW_INCORRECT_P1P2);
        }
        if (len < PIN_MIN || len > PIN_MAX) {
            ISOException.throwIt(ISO7816.SW_WRONG_LENGTH);
        }
        if (pin.getTriesRemaining() == 0) {
            ISOException.throwIt(SW_PIN_BLOCKED);
        }
        boolean right = pin.check(buf, ISO7816.OFFSET_CDATA, (byte) len);
        Util.arrayFillNonAtomic(buf, ISO7816.OFFSET_CDATA, len, (byte) 0);
        if (!right) {
            ISOException.throwIt((short) (SW_TRIES_LEFT | pin.getTriesRemaining()));
        }
    }

    private short info(byte[] buf) {
        short n = 0;

        buf[n++] = state;
        n = Util.arrayCopyNonAtomic(personal, P_ID, buf, n, (short) (ID_LEN + CURRENCY_LEN));
        n = Util.arrayCopyNonAtomic(account.counter(), (short) 0, buf, n, Value.LEN);
        n = Util.arrayCopyNonAtomic(account.balance(), (short) 0, buf, n, Value.LEN);
        n = Util.arrayCopyNonAtomic(personal, P_MAX_BALANCE, buf, n, (short) (P_LEN - P_MAX_BALANCE));
        buf[n++] = pin.getTriesRemaining();
        return n;
    }

    /** Drop what was intended and draw a new random for what is intended now. */
    private void beginOperation() {
        requirePersonalised();
        Util.arrayFillNonAtomic(op, (short) 0, OP_LEN, (byte) 0);
        random.generateData(op, OP_RANDOM, RANDOM_LEN);
    }

    /** Take what is awaited; it is gone afterwards, whatever comes of it. */
    private void takeOperation(byte awaited) {
        requirePersonalised();
        byte awaits = op[OP_AWAITS];
        op[OP_AWAITS] = AWAITS_NOTHING;
        if (awaits != awaited) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    /** Data: type, amount, session nonce. Answer: id, counter, balance, type, amount, random, MAC1. */
    private short initialiseLoad(byte[] buf, short len) {
        short at = ISO7816.OFFSET_CDATA;

        beginOperation();
        requireLength(len, (short) (1 + Value.LEN + Account.NONCE_LEN));
        op[Account.REC_TYPE] = buf[at];
        at = (short) (at + 1);
        Util.arrayCopyNonAtomic(buf, at, op, Account.REC_AMOUNT, Value.LEN);
        at = (short) (at + Value.LEN);
        Util.arrayCopyNonAtomic(buf, at, op, Account.REC_NONCE, Account.NONCE_LEN);
        checkLoad();

        short n = mac.begin((byte) 'L', (byte) '1');
        n = mac.putByte(op[Account.REC_TYPE], n);
        n = putIdentity(n);
        n = mac.put(op, Account.REC_AMOUNT, Value.LEN, n);
        n = mac.put(op, Account.REC_NONCE, Account.NONCE_LEN, n);
        n = mac.put(op, OP_RANDOM, RANDOM_LEN, n);

        short out = answerIdentity(buf);
        buf[out++] = op[Account.REC_TYPE];
        out = Util.arrayCopyNonAtomic(op, Account.REC_AMOUNT, buf, out, Value.LEN);
        out = Util.arrayCopyNonAtomic(op, OP_RANDOM, buf, out, RANDOM_LEN);
        mac.signLoad(n, buf, out);
        op[OP_AWAITS] = AWAITS_CREDIT;
        return (short) (out + Mac.LEN);
    }

    /** Also fixes the new counter and balance in the record. */
    private void checkLoad() {
        byte type = op[Account.REC_TYPE];

        if ((type != TYPE_LOAD && type != TYPE_RESTORE) || Value.isZero(op, Account.REC_AMOUNT)) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        if (type == TYPE_RESTORE && !account.isFresh()) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
        if (!Value.increment(account.counter(), (short) 0, op, Account.REC_COUNTER)
                || !Value.add(account.balance(), (short) 0, op, Account.REC_AMOUNT, op,
                        Account.REC_BALANCE)
                || Value.compare(op, Account.REC_BALANCE, personal, P_MAX_BALANCE) > 0) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    /** Data: MAC2. Answer: counter, balance, MAC3. */
    private short credit(byte[] buf, short len) {
        takeOperation(AWAITS_CREDIT);
        requireLength(len, Mac.LEN);

        short n = mac.begin((byte) 'L', (byte) '2');
        n = mac.putByte(op[Account.REC_TYPE], n);
        n = mac.put(personal, P_ID, ID_LEN, n);
        n = mac.put(account.counter(), (short) 0, Value.LEN, n);
        n = mac.put(op, Account.REC_AMOUNT, Value.LEN, n);
        n = mac.put(op, Account.REC_NONCE, Account.NONCE_LEN, n);
        n = mac.put(op, OP_RANDOM, RANDOM_LEN, n);
        if (!mac.verifyLoad(n, buf, ISO7816.OFFSET_CDATA)) {
            ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
        }

        n = mac.begin((byte) 'L', (byte) '3');
        n = mac.putByte(op[Account.REC_TYPE], n);
        n = mac.put(personal, P_ID, ID_LEN, n);
        n = putOutcome(n);
        n = mac.put(op, Account.REC_NONCE, Account.NONCE_LEN, n);
        mac.signLoad(n, op, Account.REC_MAC);
        account.commit(op);

        short out = Util.arrayCopyNonAtomic(op, Account.REC_COUNTER, buf, (short) 0, Value.LEN);
        out = Util.arrayCopyNonAtomic(op, Account.REC_BALANCE, buf, out, Value.LEN);
        return Util.arrayCopyNonAtomic(op, Account.REC_MAC, buf, out, Mac.LEN);
    }

    /** Data: amount, merchant, session nonce. Answer: id, counter, balance, amount, random, MAC4. */
    private short initialiseDebit(byte[] buf, short len) {
        short at = ISO7816.OFFSET_CDATA;

        beginOperation();
        requireLength(len, (short) (Value.LEN + Account.MERCHANT_LEN + Account.NONCE_LEN));
        op[Account.REC_TYPE] = TYPE_DEBIT;
        Util.arrayCopyNonAtomic(buf, at, op, Account.REC_AMOUNT, Value.LEN);
        at = (short) (at + Value.LEN);
        Util.arrayCopyNonAtomic(buf, at, op, Account.REC_MERCHANT,
                (short) (Account.MERCHANT_LEN + Account.NONCE_LEN));
        checkDebit();

        short n = mac.begin((byte) 'D', (byte) '4');
        n = putIdentity(n);
        n = mac.put(op, Account.REC_AMOUNT, Value.LEN, n);
        n = mac.put(op, Account.REC_MERCHANT, (short) (Account.MERCHANT_LEN + Account.NONCE_LEN), n);
        n = mac.put(op, OP_RANDOM, RANDOM_LEN, n);

        short out = answerIdentity(buf);
        out = Util.arrayCopyNonAtomic(op, Account.REC_AMOUNT, buf, out, Value.LEN);
        out = Util.arrayCopyNonAtomic(op, OP_RANDOM, buf, out, RANDOM_LEN);
        mac.signDebit(n, buf, out);
        op[OP_AWAITS] = AWAITS_DEBIT;
        return (short) (out + Mac.LEN);
    }

    /** Also fixes the new counter and balance in the record. */
    private void checkDebit() {
        if (Value.isZero(op, Account.REC_AMOUNT)
                || Value.compare(op, Account.REC_AMOUNT, personal, P_MAX_DEBIT) > 0) {
            ISOException.throwIt(ISO7816.SW_WRONG_DATA);
        }
        if (!Value.increment(account.counter(), (short) 0, op, Account.REC_COUNTER)
                || !Value.subtract(account.balance(), (short) 0, op, Account.REC_AMOUNT, op,
                        Account.REC_BALANCE)) {
            ISOException.throwIt(ISO7816.SW_CONDITIONS_NOT_SATISFIED);
        }
    }

    /** Answer: counter, balance, amount, merchant, MAC6. One PIN is good for one debit over the limit. */
    private short debit(byte[] buf) {
        takeOperation(AWAITS_DEBIT);
        if (Value.compare(op, Account.REC_AMOUNT, personal, P_PIN_FREE) > 0) {
            if (!pin.isValidated()) {
                ISOException.throwIt(ISO7816.SW_SECURITY_STATUS_NOT_SATISFIED);
            }
            pin.reset();
        }

        short n = mac.begin((byte) 'D', (byte) '6');
        n = mac.put(personal, P_ID, ID_LEN, n);
        n = putOutcome(n);
        n = mac.put(op, Account.REC_MERCHANT, (short) (Account.MERCHANT_LEN + Account.NONCE_LEN), n);
        mac.signDebit(n, op, Account.REC_MAC);
        account.commit(op);

        short out = Util.arrayCopyNonAtomic(op, Account.REC_COUNTER, buf, (short) 0, Value.LEN);
        out = Util.arrayCopyNonAtomic(op, Account.REC_BALANCE, buf, out, Value.LEN);
        out = Util.arrayCopyNonAtomic(op, Account.REC_AMOUNT, buf, out, Value.LEN);
        out = Util.arrayCopyNonAtomic(op, Account.REC_MERCHANT, buf, out, Account.MERCHANT_LEN);
        return Util.arrayCopyNonAtomic(op, Account.REC_MAC, buf, out, Mac.LEN);
    }

    /** Into a message: id, counter and balance as they are now. */
    private short putIdentity(short n) {
        n = mac.put(personal, P_ID, ID_LEN, n);
        n = mac.put(account.counter(), (short) 0, Value.LEN, n);
        return mac.put(account.balance(), (short) 0, Value.LEN, n);
    }

    /** Into a message: counter, amount and balance as the intended record has them. */
    private short putOutcome(short n) {
        return mac.put(op, Account.REC_COUNTER, (short) (3 * Value.LEN), n);
    }

    /** Into an answer: id, counter and balance as they are now. */
    private short answerIdentity(byte[] buf) {
        short out = Util.arrayCopyNonAtomic(personal, P_ID, buf, (short) 0, ID_LEN);
        out = Util.arrayCopyNonAtomic(account.counter(), (short) 0, buf, out, Value.LEN);
        return Util.arrayCopyNonAtomic(account.balance(), (short) 0, buf, out, Value.LEN);
    }
}
