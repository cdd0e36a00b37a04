import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Asks the vendor's reference card of a kit (cref, T=1 over TCP) for the answers to a session and writes them as a script
 * for mintmark-apdu: Cref COMMAND FOLDER SESSION SCRIPT. COMMAND starts cref, FOLDER is where "cap" lines look and where
 * its memory is kept. The kit's apduio.jar is on the class path and reached by reflection, so that nothing of it is needed
 * to compile this.
 */
public final class Cref {
    private static final String[] ORDER = {"Header", "Directory", "Import", "Applet", "Class", "Method", "StaticField",
        "Export", "ConstantPool", "RefLocation"};
    private static final int[] TAGS = {1, 2, 4, 3, 6, 7, 8, 10, 5, 9};
    private static final int BLOCK = 32;

    private final List<String> command;
    private final File memory;
    private Process card;
    private Socket socket;
    private Object client;

    private Cref(String command, String folder) {
        this.command = List.of(command.split(" +"));
        memory = new File(folder, "cref.eeprom");
    }

    private static byte[] bytes(String hex) {
        String digits = hex.replace(" ", "");
        byte[] out = new byte[digits.length() / 2];

        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return out;
    }

    private static String hex(byte[] data, int length) {
        StringBuilder out = new StringBuilder();

        for (int i = 0; i < length; i++) {
            out.append(String.format("%02X", data[i]));
        }
        return out.toString();
    }

    private static int freePort() throws IOException {
        try (ServerSocket probe = new ServerSocket(0)) {
            return probe.getLocalPort();
        }
    }

    private static Socket connect(int port) throws Exception {
        for (int i = 0; i < 200; i++) {
            try {
                return new Socket("127.0.0.1", port);
            } catch (IOException notYet) {
                Thread.sleep(50);
            }
        }
        throw new IOException("cref does not listen on port " + port);
    }

    /** Starts the card with the memory it left, and powers it up. */
    private void start() throws Exception {
        int port = freePort() & ~1;
        List<String> all = new ArrayList<>(command);
        Class<?> device = Class.forName("com.sun.javacard.apduio.CadDevice");

        all.addAll(List.of("-nobanner", "-nomeminfo", "-p", Integer.toString(port), "-o", memory.getPath()));
        if (memory.exists()) {
            all.addAll(List.of("-i", memory.getPath()));
        }
        card = new ProcessBuilder(all).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(new File(memory.getPath() + ".log"))).start();
        socket = connect(port);
        socket.setTcpNoDelay(true);
        client = device.getMethod("getCadClientInstance", byte.class, java.io.InputStream.class, java.io.OutputStream.class)
                .invoke(null, (byte) 1, socket.getInputStream(), socket.getOutputStream());
        call("powerUp");
    }

    private Object call(String name) throws Exception {
        Method method = Class.forName("com.sun.javacard.apduio.CadClientInterface").getMethod(name);

        return method.invoke(client);
    }

    /** Powers down; the card writes its memory and ends. */
    private void stop() throws Exception {
        call("powerDown");
        socket.close();
        card.waitFor();
    }

    private static void set(Object apdu, String field, Object value) throws Exception {
        Field f = apdu.getClass().getField(field);

        f.set(apdu, value);
    }

    /** With data, the kit's client sends an Le of 256 in extended form, which this card does not take. */
    private static int expected(int le, boolean data) {
        return le != 0 ? le : data ? 0x7F : 256;
    }

    private String transmit(byte[] c) throws Exception {
        Object apdu = Class.forName("com.sun.javacard.apduio.Apdu").getConstructor().newInstance();
        boolean data = c.length > 5;
        int lc = data ? c[4] & 0xFF : 0;
        boolean le = c.length == 5 || (data && c.length == 6 + lc);

        set(apdu, "command", java.util.Arrays.copyOf(c, 4));
        set(apdu, "Lc", lc);
        set(apdu, "dataIn", data ? java.util.Arrays.copyOfRange(c, 5, 5 + lc) : new byte[0]);
        set(apdu, "Le", le ? expected(c[c.length - 1] & 0xFF, data) : 0);
        Class.forName("com.sun.javacard.apduio.CadClientInterface").getMethod("exchangeApdu", apdu.getClass())
                .invoke(client, apdu);
        int length = apdu.getClass().getField("Le").getInt(apdu);
        byte[] out = (byte[]) apdu.getClass().getField("dataOut").get(apdu);
        return (length == 0 ? "none " : hex(out, length) + " ") + hex((byte[]) apdu.getClass().getField("sw1sw2").get(apdu), 2);
    }

    private void need(String command) throws Exception {
        String answer = transmit(bytes(command));

        if (!answer.endsWith("9000")) {
            throw new IOException("cref: installer: " + command + " => " + answer);
        }
    }

    /** Loads a CAP file with the installer's commands (development kit user's guide, "Downloading"). */
    private void load(File file) throws Exception {
        need("00A4040009A00000006203010801");
        need("80B000007F");
        try (ZipFile cap = new ZipFile(file)) {
            for (int i = 0; i < ORDER.length; i++) {
                byte[] data = component(cap, ORDER[i] + ".cap");
                String tag = String.format("%02X00", TAGS[i]);
                if (data == null) {
                    continue;
                }
                need("80B2" + tag + "7F");
                for (int at = 0; at < data.length; at += BLOCK) {
                    byte[] part = java.util.Arrays.copyOfRange(data, at, Math.min(data.length, at + BLOCK));
                    need("80B4" + tag + String.format("%02X", part.length) + hex(part, part.length) + "7F");
                }
                need("80BC" + tag + "7F");
            }
        }
        need("80BA00007F");
    }

    private static byte[] component(ZipFile cap, String name) throws IOException {
        for (Enumeration<? extends ZipEntry> all = cap.entries(); all.hasMoreElements();) {
            ZipEntry entry = all.nextElement();
            if (entry.getName().endsWith("/" + name)) {
                return cap.getInputStream(entry).readAllBytes();
            }
        }
        return null;
    }

    private void create(String aid) throws Exception {
        String name = String.format("%02X", aid.length() / 2) + aid;
        String data = name + String.format("%02X", name.length() / 2 + 2) + name + "0000"; // install's parameters in full

        need("00A4040009A00000006203010801");
        need("80B80000" + String.format("%02X", data.length() / 2) + data + "7F");
    }

    public static void main(String[] args) throws Exception {
        Cref cref = new Cref(args[0], args[1]);
        List<String> script = new ArrayList<>();
        List<String> applets = new ArrayList<>();
        boolean ready = false;

        cref.start();
        try {
            for (String line : Files.readAllLines(Path.of(args[2]))) {
                String[] words = line.trim().split(" +");
                if (words[0].isEmpty() || words[0].startsWith("#")) {
                    continue;
                }
                if (words[0].equals("cap")) {
                    cref.load(new File(words[1].startsWith("/") ? "" : args[1], words[1]));
                } else if (words[0].equals("applet")) {
                    applets.add(words[2]);
                } else {
                    if (!ready || words[0].equals("reset")) {
                        for (String aid : applets) {
                            cref.create(aid);
                        }
                        applets.clear();
                        ready = true;
                        cref.stop();
                        cref.start();
                        script.add("reset");
                    }
                    if (!words[0].equals("reset")) {
                        script.add(line.trim() + " => " + cref.transmit(bytes(line)));
                    }
                }
            }
        } finally {
            Files.write(Path.of(args[3]), script);
            cref.stop();
        }
    }
}
