import java.io.File;
import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.Random;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Makes packages of random programs, runs them on this Java virtual machine and writes down what they
 * answered, so that a card can be asked the same:
 *
 * <pre>java Programs.java API_CLASSES OUT SEED PACKAGES PROGRAMS</pre>
 *
 * OUT/k gets the class files of package rnd (even k: short only, odd k: int too), OUT/expected one
 * line for each call: package, program, two arguments, answer (all hexadecimal).
 */
public final class Programs {
    private static final int CALLS = 2;
    private final Random random;
    private final boolean ints;
    private final StringBuilder out = new StringBuilder();
    private int depth;
    private int loops;
    private int statements;
    private String pad = "";

    private Programs(long seed, boolean ints) {
        this.random = new Random(seed);
        this.ints = ints;
    }

    private int pick(int n) {
        return random.nextInt(n);
    }

    private String of(String... all) {
        return all[pick(all.length)];
    }

    private void line(String text) {
        out.append("        ").append(pad).append(text).append('\n');
    }

    // ---- Expressions. exact(): fits a short. low(): only its low 16 bits are right on a card
    // without int; with int, the same everywhere. ----

    private String constant() {
        switch (pick(6)) {
            case 0:
                return "(short) " + (pick(7) - 1);
            case 1:
                return "(byte) " + (pick(256) - 128);
            case 2:
                return "(short) " + of("-32768", "32767", "255", "-256", "0x8001", "127", "128", "-129");
            default:
                return "(short) " + (pick(65536) - 32768);
        }
    }

    private String bigConstant() {
        return of("0x7FFFFFFF", "0x80000000", "65536", "-65537", "100000", "0x12345678")
            .concat(pick(2) == 0 ? "" : " + " + pick(1000));
    }

    private String shortVariable() {
        return of("s", "t", "u", "b", "c", "S", "B", "o.f", "o.g");
    }

    private String index(int n) {
        return "(short) (" + low() + " & " + (n - 1) + ")";
    }

    private String leaf() {
        switch (pick(ints ? 9 : 6)) {
            case 0:
                return constant();
            case 1:
                return "SA[" + index(8) + "]";
            case 2:
                return "BA[" + index(8) + "]";
            case 6:
            case 7:
                return of("i", "j", "I", "o.h");
            case 8:
                return pick(2) == 0 ? "(" + bigConstant() + ")" : "IA[" + index(4) + "]";
            default:
                return shortVariable();
        }
    }

    private String low() {
        if (depth > 2)
            return shortVariable();
        depth++;
        String e = low(pick(ints ? 19 : 14));
        depth--;
        return e;
    }

    private String low(int kind) {
        switch (kind) {
            case 0:
            case 1:
                return "(" + low() + of(" + ", " - ", " * ") + low() + ")";
            case 2:
                return "(" + low() + of(" & ", " | ", " ^ ") + low() + ")";
            case 3:
                return "(" + low() + " << " + (pick(2) == 0 ? "" + pick(16) : "(" + exact() + " & 15)") + ")";
            case 4:
                return of("-", "~") + "(" + low() + ")";
            case 14:
                return "(" + low() + of(" / ", " % ") + low() + ")";
            case 15:
                return "(" + low() + of(" >> ", " >>> ", " << ") + low() + ")";
            case 16:
                return "fi(" + low() + ", " + exact() + ", " + low() + ")";
            case 17:
                return "(" + condition() + " ? " + low() + " : " + low() + ")";
            case 18:
                return of("(i += ", "(j = ", "(I = ") + low() + ")";
            default:
                return exact();
        }
    }

    private String exact() {
        if (depth > 2)
            return shortVariable();
        depth++;
        String e;
        switch (pick(12)) {
            case 0:
            case 1:
                e = of("(short) (", "(byte) (") + low() + ")";
                break;
            case 2:
                e = "(short) (" + exact() + of(" / ", " % ") + exact() + ")";
                break;
            case 3:
                e = "(short) (" + exact() + of(" >> ", " >>> ") + (pick(2) == 0 ? "" + pick(16) : "(" + exact() + " & 15)")
                    + ")";
                break;
            case 4:
                e = "fs(" + exact() + ", " + exact() + ")";
                break;
            case 5:
                e = "(" + condition() + " ? " + exact() + " : " + exact() + ")";
                break;
            case 6:
                e = of("(s = ", "(o.f = ", "(S = ") + "(short) (" + low() + "))";
                break;
            case 7:
                e = of("s++", "--t", "b++", "S--", "++o.f", "SA[" + index(8) + "]++");
                break;
            default:
                e = ints ? shortLeaf() : leaf();
                break;
        }
        depth--;
        return e;
    }

    private String shortLeaf() {
        return pick(3) == 0 ? constant() : shortVariable();
    }

    private String condition() {
        String a = ints ? low() : exact(), b = ints ? low() : pick(3) == 0 ? "0" : exact();
        String c = a + of(" < ", " <= ", " > ", " >= ", " == ", " != ") + b;

        if (depth < 3 && pick(4) == 0)
            return "(" + c + of(" && ", " || ") + condition() + ")";
        return pick(8) == 0 ? "!(" + c + ")" : "(" + c + ")";
    }

    // ---- Statements ----

    private void assign() {
        switch (pick(ints ? 11 : 8)) {
            case 0:
                line(of("s", "t", "u", "S", "o.f") + " = (short) (" + low() + ");");
                break;
            case 1:
                line(of("b", "c", "B", "o.g") + " = (byte) (" + low() + ");");
                break;
            case 2:
                line(of("s", "t", "b", "S", "o.f", "SA[" + index(8) + "]", "BA[" + index(8) + "]")
                    + of(" += ", " -= ", " *= ", " ^= ", " |= ", " &= ") + low() + ";");
                break;
            case 3:
                line(of("s", "u", "c", "BA[" + index(8) + "]", "SA[" + index(8) + "]")
                    + of(" >>= ", " >>>= ", " <<= ") + pick(16) + ";");
                break;
            case 4:
                line("SA[" + index(8) + "] = (short) (" + low() + ");");
                break;
            case 5:
                line("BA[" + index(8) + "] = (byte) (" + low() + ");");
                break;
            case 6:
                line(of("s", "t", "b", "S", "o.f", "o.g", "BA[" + index(8) + "]") + of("++;", "--;"));
                break;
            case 7:
                line("t = fs(" + exact() + ", " + exact() + ");");
                break;
            case 8:
                line(of("i", "j", "I", "o.h") + of(" = ", " += ", " -= ", " *= ", " ^= ") + low() + ";");
                break;
            case 9:
                line("IA[" + index(4) + "]" + of(" = ", " += ", " ^= ") + low() + ";");
                break;
            default:
                line(of("i", "j", "I", "o.h") + of(" >>= ", " >>>= ", " <<= ") + low() + ";");
                break;
        }
    }

    private void block(int n) {
        String was = pad;

        pad += "    ";
        for (int k = 0; k < n && statements < 8; k++)
            statement();
        pad = was;
    }

    private void statement() {
        int kind = pick(14);
        String name;

        statements++;
        if (pad.length() > 8 || kind < 7) {
            assign();
            return;
        }
        switch (kind) {
            case 7:
            case 8:
                line("if (" + condition() + ") {");
                block(2);
                if (pick(2) == 0) {
                    line("} else {");
                    block(2);
                }
                line("}");
                break;
            case 9:
            case 10:
                if (loops++ > 2) {
                    assign();
                    break;
                }
                name = "k" + loops;
                line("for (" + of("short ", "byte ") + name + " = 0; " + name + " < " + (1 + pick(5)) + "; "
                    + name + "++) {");
                block(2);
                if (pick(3) == 0)
                    line("    if (" + condition() + ") " + of("break;", "continue;"));
                line("}");
                break;
            case 11:
                choose(false);
                break;
            case 12:
                line("try {");
                block(2);
                if (pick(3) == 0)
                    line("    s = (short) (" + exact() + " / " + of("(short) (s & 1)", "(short) 0", exact()) + ");");
                if (pick(3) == 0)
                    line("    s = SA[(short) (" + exact() + " & 15)];");
                line("} catch (ArithmeticException e) {");
                line("    t ^= 77;");
                line("} catch (ArrayIndexOutOfBoundsException e) {");
                line("    t += 99;");
                if (pick(2) == 0) {
                    line("} finally {");
                    block(1);
                }
                line("}");
                break;
            default:
                choose(true);
                break;
        }
    }

    private void choose(boolean sparse) {
        line("switch (" + (ints && pick(2) == 0 ? "(int) (" + low() + ")" : "(short) (" + exact() + ")") + (sparse ? "" : " & 3") + ") {");
        for (int k = 0; k < 3; k++) {
            line("    case " + (sparse ? k * 1000 - 1000 + (ints ? 0 : k) : k) + ":");
            block(1);
            if (pick(3) != 0)
                line("        break;");
        }
        if (pick(2) == 0) {
            line("    default:");
            block(1);
        }
        line("}");
    }

    private void program(int n) {
        statements = 0;
        loops = 0;
        out.append("    static ").append(ints ? "int" : "short").append(" p").append(n)
            .append("(short s, short t, Programs o) {\n");
        line("short u = " + (pick(100) - 50) + ";");
        line("byte b = (byte) s, c = 1;");
        if (ints)
            line("int i = s * t, j = " + bigConstant() + ";");
        for (int k = 2 + pick(3); k > 0; k--)
            statement();
        if (ints)
            line("return sum(o) + s * 31 + t * 17 + u + b * 5 + c + i * 7 + j;");
        else
            line("return (short) (sum(o) + s * 31 + t * 17 + u + b * 5 + c);");
        out.append("    }\n");
    }

    /** The class with all programs: fields, helpers, and call() that starts one from the same state. */
    private String source(int n) {
        String type = ints ? "int" : "short";

        out.append("package rnd;\n\npublic class Programs {\n    static short S;\n    static byte B;\n");
        out.append("    static short[] SA = {0, 0, 0, 0, 0, 0, 0, 0};\n    static byte[] BA = {0, 0, 0, 0, 0, 0, 0, 0};\n");
        out.append("    short f;\n    byte g;\n");
        if (ints)
            out.append("    static int I;\n    static int[] IA = {1, 2, 3, 4};\n    int h;\n");
        out.append("    static short fs(short x, short y) {\n        return (short) (x * 3 - (y ^ x));\n    }\n");
        if (ints)
            out.append("    static int fi(int x, short y, int z) {\n        return x - y * (z ^ x);\n    }\n");
        out.append("    static ").append(type).append(" sum(Programs o) {\n        ").append(type)
            .append(" v = (short) (S * 3 + B + o.f * 7 + o.g);\n")
            .append("        for (short k = 0; k < 8; k++)\n            v = ")
            .append(ints ? "v * 31 + SA[k] * 3 + BA[k];\n" : "(short) (v * 31 + SA[k] * 3 + BA[k]);\n");
        if (ints)
            out.append("        v += I + o.h;\n        for (short k = 0; k < 4; k++)\n            v = v * 31 + IA[k];\n");
        out.append("        return v;\n    }\n");
        for (int k = 0; k < n; k++)
            program(k);
        out.append("    static ").append(type).append(" choose(short which, short s, short t, Programs o) {\n")
            .append("        switch (which) {\n");
        for (int k = 0; k < n; k++)
            out.append("            case ").append(k).append(":\n                return p").append(k)
                .append("(s, t, o);\n");
        out.append("            default:\n                return 0;\n        }\n    }\n");
        out.append("    public static ").append(type).append(" call(short which, short s, short t, Programs o) {\n")
            .append("        S = 5;\n        B = -3;\n        o.f = 11;\n        o.g = 13;\n")
            .append(ints ? "        I = 123456;\n        o.h = -98765;\n        IA[0] = 1;\n        IA[1] = -2;\n"
                + "        IA[2] = 70000;\n        IA[3] = 4;\n" : "")
            .append("        for (short k = 0; k < 8; k++) {\n            SA[k] = (short) (k * 1111);\n")
            .append("            BA[k] = (byte) (k * 37);\n        }\n")
            .append("        try {\n            return choose(which, s, t, o);\n")
            .append("        } catch (ArithmeticException e) {\n            return 0x7EEE;\n")
            .append("        } catch (ArrayIndexOutOfBoundsException e) {\n            return 0x7DDD;\n        }\n    }\n}\n");
        return out.toString();
    }

    private static String applet(boolean ints) {
        return "package rnd;\n\nimport javacard.framework.*;\n\npublic class Runner extends Applet {\n"
            + "    private final Programs o = new Programs();\n\n"
            + "    public static void install(byte[] a, short off, byte len) {\n        new Runner().register();\n    }\n\n"
            + "    public void process(APDU apdu) {\n        byte[] b = apdu.getBuffer();\n\n"
            + "        if (selectingApplet())\n            return;\n        apdu.setIncomingAndReceive();\n"
            + "        " + (ints ? "int" : "short") + " r = Programs.call(Util.getShort(b, (short) 2), "
            + "Util.getShort(b, (short) 5), Util.getShort(b, (short) 7), o);\n"
            + (ints ? "        Util.setShort(b, (short) 0, (short) (r >> 16));\n" : "        Util.setShort(b, (short) 0, (short) 0);\n")
            + "        Util.setShort(b, (short) 2, (short) r);\n        apdu.setOutgoingAndSend((short) 0, (short) 4);\n"
            + "    }\n}\n";
    }

    private static JavaFileObject file(String name, String text) {
        return new SimpleJavaFileObject(URI.create("string:///rnd/" + name + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignore) {
                return text;
            }
        };
    }

    private static short argument(Random random) {
        return (short) (random.nextInt(4) == 0 ? random.nextInt(5) - 2 : random.nextInt());
    }

    private static void make(File dir, String api, int k, long seed, int n, PrintWriter expected)
        throws Exception {
        boolean ints = k % 2 == 1;
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        String text = new Programs(seed, ints).source(n);

        dir.mkdirs();
        if (!javac.getTask(null, null, d -> {
            if (d.getKind() == javax.tools.Diagnostic.Kind.ERROR)
                System.err.println(d);
        }, Arrays.asList("--release", "8", "-nowarn", "-Xlint:-options", "-g", "-cp", api, "-d", dir.getPath()), null,
                Arrays.asList(file("Programs", text), file("Runner", applet(ints)))).call())
            throw new IllegalStateException("seed " + seed + ": a program that does not compile");
        try (PrintWriter w = new PrintWriter(new File(dir, "Programs.java"), "UTF-8")) {
            w.print(text);
        }
        try (URLClassLoader loader = new URLClassLoader(new URL[] {dir.toURI().toURL()}, null)) {
            Class<?> c = loader.loadClass("rnd.Programs");
            Object o = c.getDeclaredConstructor().newInstance();
            Method call = c.getMethod("call", short.class, short.class, short.class, c);
            Random random = new Random(seed ^ 0x5DEECE66DL);

            for (short which = 0; which < n; which++) {
                for (int i = 0; i < CALLS; i++) {
                    short s = argument(random), t = argument(random);
                    int r = ((Number) call.invoke(null, which, s, t, o)).intValue();

                    expected.printf("%x %x %04x %04x %08x%n", k, which, s, t, ints ? r : r & 0xFFFF);
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        File out = new File(args[1]);
        long seed = Long.parseLong(args[2]);
        int packages = Integer.parseInt(args[3]), programs = Integer.parseInt(args[4]);

        out.mkdirs();
        try (PrintWriter expected = new PrintWriter(new File(out, "expected"), "UTF-8")) {
            for (int k = 0; k < packages; k++)
                make(new File(out, "" + k), args[0], k, seed + k, programs, expected);
        }
    }
}
