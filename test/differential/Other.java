import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks another Java Card simulator for the answers to a session and writes them as a script for mintmark-apdu:
 * Other SESSION SCRIPT. The simulator is on the class path, with the classes of the applet; it is reached by reflection,
 * so that nothing of it is needed to compile this.
 */
public final class Other {
    private static byte[] bytes(String hex) {
        String digits = hex.replace(" ", "");
        byte[] out = new byte[digits.length() / 2];

        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return out;
    }

    private static String hex(byte[] data) {
        StringBuilder out = new StringBuilder();

        for (byte b : data) {
            out.append(String.format("%02X", b));
        }
        return out.toString();
    }

    /** Installs the applet of a line "applet CLASS AID". */
    private static void install(Object simulator, String[] words) throws Exception {
        byte[] aid = bytes(words[2]);
        byte[] data = new byte[aid.length + 3];
        Class<?> type = Class.forName("javacard.framework.AID");
        Object name = type.getConstructor(byte[].class, short.class, byte.class)
                .newInstance(aid, (short) 0, (byte) aid.length);

        data[0] = (byte) aid.length;
        System.arraycopy(aid, 0, data, 1, aid.length);
        simulator.getClass().getMethod("installApplet", type, Class.class, byte[].class, short.class, byte.class)
                .invoke(simulator, name, Class.forName(words[1]), data, (short) 0, (byte) data.length);
    }

    /** An answer in the script's words: data or "none", then the status. */
    private static String expected(byte[] answer) {
        String all = hex(answer);

        return all.length() == 4 ? "none " + all : all;
    }

    public static void main(String[] args) throws Exception {
        Object simulator = Class.forName("com.licel.jcardsim.base.Simulator").getConstructor().newInstance();
        Method transmit = simulator.getClass().getMethod("transmitCommand", byte[].class);
        List<String> script = new ArrayList<>();

        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] words = line.trim().split(" +");
            if (words[0].isEmpty() || words[0].startsWith("#") || words[0].equals("cap")) {
                continue;
            }
            if (words[0].equals("applet")) {
                install(simulator, words);
                continue;
            }
            if (words[0].equals("reset")) {
                simulator.getClass().getMethod("reset").invoke(simulator);
                script.add("reset");
                continue;
            }
            script.add(line.trim() + " => " + expected((byte[]) transmit.invoke(simulator, bytes(line))));
        }
        Files.write(Path.of(args[1]), script);
    }
}
