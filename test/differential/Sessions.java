import java.util.Random;

/**
 * A random session for the probe applets: Sessions SEED COMMANDS. Operations in any order, on places that hold
 * anything, with selections, channels and resets between. Left out is what the specification leaves open and cards do
 * differently: objects made in a transaction that may be aborted (JCRE 7.6.3), transient memory until it is full.
 */
public final class Sessions {
    private static final String PEER = "F050524F424500C101", PROBE = "F050524F424500C201";
    private static final int[] MAKE = {0x10, 0x11, 0x12, 0x13, 0x18, 0x19, 0x1E};
    private static final int[] USE = {0x1A, 0x1A, 0x1A, 0x1B, 0x1F, 0x20, 0x20, 0x21, 0x22, 0x23, 0x24, 0x24, 0x24, 0x25,
        0x26, 0x27, 0x27, 0x28, 0x2B, 0x2C, 0x30, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x40, 0x41, 0x41, 0x42, 0x43,
        0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x61, 0x62, 0x62, 0x63, 0x64, 0x65, 0x66,
        0x67, 0x68, 0x6A, 0x6B, 0x6C, 0x6D, 0x70, 0x71, 0x72, 0x73, 0x74, 0xA3, 0xA5, 0xA7};

    private final Random random;
    private boolean second; // is channel 1 open with the probe?

    private Sessions(long seed) {
        random = new Random(seed);
    }

    private int any(int... values) {
        return values[random.nextInt(values.length)];
    }

    private static String op(int number, int x, int y, int p, int q, int r) {
        return String.format("%02X%02X%02X%04X%04X%04X", number, x, y, p & 0xFFFF, q & 0xFFFF, r & 0xFFFF);
    }

    private int place() {
        return random.nextInt(24);
    }

    /** Mostly a length or offset that fits the arrays here, sometimes one at the edge of anything. */
    private int number() {
        return random.nextInt(12) == 0 ? any(-1, 0x7FFF, -0x8000, 9, 16, 255, 256) : random.nextInt(9);
    }

    private String make() {
        int number = any(MAKE);

        if (number == 0x18) {
            return op(number, place(), 0, any(1, 2, 3, 0, 5), any(4, 8, 1), 0);
        }
        return op(number, place(), place(), random.nextInt(20) == 0 ? -1 : random.nextInt(9), number(), number());
    }

    private String use(boolean inTransaction) {
        int number = any(USE), p = number();

        if (number == 0x1F && inTransaction) {
            number = 0x1B;
        }
        if (number == 0x64) {
            p = random.nextInt(3);
        } else if (number == 0x62 && inTransaction) {
            p = any(0, 1, 2, 3, 4, 6, 7, 8); // no AID object, which here goes with an aborted transaction
        } else if (number == 0x66) {
            p = inTransaction ? random.nextInt(5) : any(3, 4);
        } else if (number == 0x65 || number == 0xA7) {
            p = inTransaction ? random.nextInt(6) : any(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11); // from 6 on it makes an object
        } else if (number == 0x68) {
            p = any(0, 1, 9);
        }
        return op(number, place(), place(), p, number(), number());
    }

    private void run(boolean onSecond) {
        boolean inTransaction = random.nextInt(2) == 0;
        int n = 1 + random.nextInt(20);
        StringBuilder data = new StringBuilder();

        for (int i = 0; i < n; i++) {
            if (inTransaction && random.nextInt(5) == 0) {
                data.append(op(any(1, 1, 2, 3, 4), 0, 0, 0, 0, 0));
            } else if (!inTransaction && random.nextInt(8) == 0) {
                data.append(random.nextInt(4) == 0 ? op(0xA1, 0, 0, 0, 0, 0) : make());
            } else {
                data.append(use(inTransaction));
            }
        }
        System.out.printf("%s 10 00 00 %02X %s 7F%n", onSecond ? "81" : "80", n * 9, data);
    }

    /** Transient arrays, a name to look up and the peer's interface: what the rest works on. */
    private void begin() {
        System.out.println("00 A4 04 00 09 " + PROBE + " 7F");
        System.out.println("80 10 00 00 2D " + op(0x14, 16, 0, 8, 1, 0) + op(0x14, 17, 0, 8, 2, 0) + op(0x15, 18, 0, 4, 1, 0)
                + op(0x17, 19, 0, 2, 1, 0) + op(0x10, 0, 0, 9, 0, 0) + " 7F");
        System.out.println("80 1E 00 00 09 " + PEER);
        System.out.println("80 10 00 00 1B " + op(0x60, 0, 0, 9, 0, 0) + op(0x1D, 1, 0, 0, 9, 0) + op(0x1C, 2, 0, 0, 0, 0)
                + " 7F");
    }

    private void event() {
        switch (random.nextInt(6)) {
        case 0:
            System.out.println("00 A4 04 00 09 " + PROBE + " 7F");
            break;
        case 1:
            System.out.println("00 A4 04 00 09 " + PEER + " 7F");
            System.out.println("80 02 00 00 02");
            System.out.println("00 A4 04 00 09 " + PROBE + " 7F");
            break;
        case 2:
            System.out.println("reset");
            second = false;
            System.out.println("00 A4 04 00 09 " + PROBE + " 7F");
            break;
        case 3:
            System.out.printf("80 1A %02X %02X%n", random.nextInt(4), random.nextInt(4));
            System.out.println("00 A4 04 00 09 " + PROBE + " 7F");
            System.out.println("00 A4 04 00 09 " + PROBE + " 7F");
            break;
        case 4:
            System.out.println("80 1C 00 00 08");
            break;
        default:
            System.out.println(second ? "00 70 80 01" : "01 A4 04 00 09 " + PROBE + " 7F");
            second = !second;
        }
    }

    public static void main(String[] args) {
        Sessions sessions = new Sessions(Long.parseLong(args[0]));
        int n = Integer.parseInt(args[1]);

        System.out.println("# Random, seed " + args[0]);
        System.out.println("cap test_exports/org/mintmark/probelib/javacard/probelib.cap\ncap probepeer.cap\ncap probe.cap");
        System.out.println("applet org.mintmark.probepeer.PeerApplet " + PEER);
        System.out.println("applet org.mintmark.probe.Probe " + PROBE);
        sessions.begin();
        for (int i = 0; i < n; i++) {
            if (sessions.random.nextInt(12) == 0) {
                sessions.event();
            } else {
                sessions.run(sessions.second && sessions.random.nextInt(2) == 0);
            }
        }
    }
}
