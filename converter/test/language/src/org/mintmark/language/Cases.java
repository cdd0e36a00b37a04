package org.mintmark.language;

/** The constructs of the language, one a method: what run() answers on a card, it answers in Java. */
public class Cases {
    public static final byte COUNT = 20;
    private static final byte[] DATA = { 1, -2, 3, 127, -128, 0, 5, 9 };
    private static final short[] LARGE = { 1000, -1000, 32767, -32768 };
    private static final boolean[] BITS = { true, false, true };
    private static short calls;
    private static Object kept;

    public static short run(byte which, short x) {
        switch (which) {
            case 0: return nestedHandlers(x);
            case 1: return finallyPaths(x);
            case 2: return innerClasses(x);
            case 3: return interfaces(x);
            case 4: return staticArrays(x);
            case 5: return compound(x);
            case 6: return parameters((short) (x + 0), (short) (x + 1), (short) (x + 2), (short) (x + 3), (short) (x + 4), (short) (x + 5), (short) (x + 6), (short) (x + 7), (short) (x + 8), (short) (x + 9), (short) (x + 10), (short) (x + 11), (short) (x + 12), (short) (x + 13), (short) (x + 14), (short) (x + 15), (short) (x + 16), (short) (x + 17), (short) (x + 18), (short) (x + 19));
            case 7: return locals(x);
            case 8: return farJumps(x);
            case 9: return switches(x);
            case 10: return eachOf(x);
            case 11: return generics(x);
            case 12: return types(x);
            case 13: return loops(x);
            case 14: return faults(x);
            case 15: return overriding(x);
            case 16: return narrowing(x);
            case 17: return initialisers(x);
            case 18: return recursion((short) (x & 15));
            default: return conditions(x);
        }
    }

    /* ---- Exceptions ---- */

    static class Low extends Exception {
        final short why;

        Low(short why) {
            this.why = why;
        }
    }

    static class High extends Low {
        High(short why) {
            super((short) (why + 100));
        }
    }

    private static void throwOne(short x) throws Low {
        if (x < 0)
            throw new Low(x);
        if (x > 500)
            throw new High(x);
        if (x == 7)
            throw new NullPointerException();
    }

    private static short nestedHandlers(short x) {
        short n = 1;

        try {
            try {
                throwOne(x);
                n += 2;
            } catch (High e) {
                n += e.why;
                throw e;
            } finally {
                n += 4;
                try {
                    n += DATA[x];
                } catch (ArrayIndexOutOfBoundsException e) {
                    n += 8;
                }
            }
        } catch (Low e) {
            n += (short) (e.why * 3);
        } catch (RuntimeException e) {
            n += 16;
        }
        return n;
    }

    @SuppressWarnings("finally")
    private static short leave(short x) {
        for (short i = 0; i < 4; i++) {
            try {
                calls++;
                if (i == x)
                    return (short) (i + 10);
                if (i == (short) (x - 10))
                    break;
                if (i == 1)
                    continue;
                calls += 2;
            } finally {
                calls += 3;
                if (x == 99)
                    return 77; /* takes the place of what was under way */
            }
        }
        return calls;
    }

    private static short finallyPaths(short x) {
        short a = leave(x), b = leave((short) 99), c = leave((short) 12);

        return (short) (a * 5 + b * 3 + c);
    }

    /* ---- Classes ---- */

    interface Step {
        short LIMIT = 12;

        short apply(short x);
    }

    class Outer {
        short base = 3;

        class Inner {
            short own = (short) (base + 1);

            class Deep implements Step {
                public short apply(short x) {
                    return (short) (x + own * 10 + base * 100);
                }
            }
        }
    }

    private static short innerClasses(final short x) {
        final short kept = (short) (x * 2);
        Outer outer = new Cases().new Outer();
        Outer.Inner inner = outer.new Inner();
        Step deep = inner.new Deep();
        Step anonymous = new Step() {
            private short times = 2;

            public short apply(short y) {
                times++;
                return (short) (y * times + kept);
            }
        };
        class Local implements Step {
            public short apply(short y) {
                return (short) (anonymous.apply(y) - x);
            }
        }

        outer.base = x;
        return (short) (deep.apply(x) + new Local().apply((short) 5) + anonymous.apply((short) 1) + Step.LIMIT);
    }

    interface Root {
        short root();
    }

    interface Left extends Root {
        short left();
    }

    interface Right extends Root, Step {
        short right();
    }

    abstract static class Half implements Left, Right {
        public short root() {
            return (short) (left() + right());
        }
    }

    static class Whole extends Half {
        public short left() {
            return 20;
        }

        public short right() {
            return apply((short) 3);
        }

        public short apply(short x) {
            return (short) (x * LIMIT);
        }
    }

    private static short interfaces(short x) {
        Whole w = new Whole();
        Root r = w;
        Right t = w;
        Half h = w;

        return (short) (r.root() + t.apply(x) + ((Left) r).left() + h.right());
    }

    private static short staticArrays(short x) {
        short n = (short) (DATA[3] + DATA[4] + LARGE[2] + LARGE[x & 3]);

        if (BITS[0] && !BITS[1])
            n ^= 0x55;
        kept = n > x ? LARGE : null;
        return (short) (n + (kept == LARGE ? 1 : 0));
    }

    private short number = 5;
    private byte octet = 100;

    private static short compound(short x) {
        Cases c = new Cases();
        byte[] b = { 1, 2, 3 };
        short[] s = { x, 2 };
        short i = 0;

        c.number += x;
        c.number <<= 2;
        c.number ^= c.octet++;
        c.octet *= 3;
        c.octet -= x;
        c.octet >>>= 1;
        b[i++] += c.octet;
        b[i] <<= 5;
        b[i++] |= 1;
        s[1] = s[0]--;
        s[0] >>= 1;
        s[0] %= 100;
        s[1] /= 7;
        return (short) (c.number + c.octet * 3 + b[0] + b[1] + b[2] * i + s[0]++ + ++s[1] - ~x);
    }

    private static short parameters(short p0, short p1, short p2, short p3, short p4, short p5, short p6, short p7, short p8, short p9, short p10, short p11, short p12, short p13, short p14, short p15, short p16, short p17, short p18, short p19) {
        return (short) (p0 * 1 + p1 * 2 + p2 * 3 + p3 * 4 + p4 * 5 + p5 * 6 + p6 * 7 + p7 * 8 + p8 * 9 + p9 * 10 + p10 * 11 + p11 * 12 + p12 * 13 + p13 * 14 + p14 * 15 + p15 * 16 + p16 * 17 + p17 * 18 + p18 * 19 + p19 * 20);
    }

    private static short locals(short x) {
        short v0 = (short) (x + 0);
        short v1 = (short) (v0 + 1);
        short v2 = (short) (v1 + 2);
        short v3 = (short) (v2 + 3);
        short v4 = (short) (v3 + 4);
        short v5 = (short) (v4 + 5);
        short v6 = (short) (v5 + 6);
        short v7 = (short) (v6 + 0);
        short v8 = (short) (v7 + 1);
        short v9 = (short) (v8 + 2);
        short v10 = (short) (v9 + 3);
        short v11 = (short) (v10 + 4);
        short v12 = (short) (v11 + 5);
        short v13 = (short) (v12 + 6);
        short v14 = (short) (v13 + 0);
        short v15 = (short) (v14 + 1);
        short v16 = (short) (v15 + 2);
        short v17 = (short) (v16 + 3);
        short v18 = (short) (v17 + 4);
        short v19 = (short) (v18 + 5);
        short v20 = (short) (v19 + 6);
        short v21 = (short) (v20 + 0);
        short v22 = (short) (v21 + 1);
        short v23 = (short) (v22 + 2);
        short v24 = (short) (v23 + 3);
        short v25 = (short) (v24 + 4);
        short v26 = (short) (v25 + 5);
        short v27 = (short) (v26 + 6);
        short v28 = (short) (v27 + 0);
        short v29 = (short) (v28 + 1);
        short v30 = (short) (v29 + 2);
        short v31 = (short) (v30 + 3);
        short v32 = (short) (v31 + 4);
        short v33 = (short) (v32 + 5);
        short v34 = (short) (v33 + 6);
        short v35 = (short) (v34 + 0);
        short v36 = (short) (v35 + 1);
        short v37 = (short) (v36 + 2);
        short v38 = (short) (v37 + 3);
        short v39 = (short) (v38 + 4);
        short v40 = (short) (v39 + 5);
        short v41 = (short) (v40 + 6);
        short v42 = (short) (v41 + 0);
        short v43 = (short) (v42 + 1);
        short v44 = (short) (v43 + 2);
        short v45 = (short) (v44 + 3);
        short v46 = (short) (v45 + 4);
        short v47 = (short) (v46 + 5);
        short v48 = (short) (v47 + 6);
        short v49 = (short) (v48 + 0);
        short v50 = (short) (v49 + 1);
        short v51 = (short) (v50 + 2);
        short v52 = (short) (v51 + 3);
        short v53 = (short) (v52 + 4);
        short v54 = (short) (v53 + 5);
        short v55 = (short) (v54 + 6);
        short v56 = (short) (v55 + 0);
        short v57 = (short) (v56 + 1);
        short v58 = (short) (v57 + 2);
        short v59 = (short) (v58 + 3);
        short v60 = (short) (v59 + 4);
        short v61 = (short) (v60 + 5);
        short v62 = (short) (v61 + 6);
        short v63 = (short) (v62 + 0);
        short v64 = (short) (v63 + 1);
        short v65 = (short) (v64 + 2);
        short v66 = (short) (v65 + 3);
        short v67 = (short) (v66 + 4);
        short v68 = (short) (v67 + 5);
        short v69 = (short) (v68 + 6);
        short v70 = (short) (v69 + 0);
        short v71 = (short) (v70 + 1);
        short v72 = (short) (v71 + 2);
        short v73 = (short) (v72 + 3);
        short v74 = (short) (v73 + 4);
        short v75 = (short) (v74 + 5);
        short v76 = (short) (v75 + 6);
        short v77 = (short) (v76 + 0);
        short v78 = (short) (v77 + 1);
        short v79 = (short) (v78 + 2);
        short v80 = (short) (v79 + 3);
        short v81 = (short) (v80 + 4);
        short v82 = (short) (v81 + 5);
        short v83 = (short) (v82 + 6);
        short v84 = (short) (v83 + 0);
        short v85 = (short) (v84 + 1);
        short v86 = (short) (v85 + 2);
        short v87 = (short) (v86 + 3);
        short v88 = (short) (v87 + 4);
        short v89 = (short) (v88 + 5);
        short v90 = (short) (v89 + 6);
        short v91 = (short) (v90 + 0);
        short v92 = (short) (v91 + 1);
        short v93 = (short) (v92 + 2);
        short v94 = (short) (v93 + 3);
        short v95 = (short) (v94 + 4);
        short v96 = (short) (v95 + 5);
        short v97 = (short) (v96 + 6);
        short v98 = (short) (v97 + 0);
        short v99 = (short) (v98 + 1);
        short v100 = (short) (v99 + 2);
        short v101 = (short) (v100 + 3);
        short v102 = (short) (v101 + 4);
        short v103 = (short) (v102 + 5);
        short v104 = (short) (v103 + 6);
        short v105 = (short) (v104 + 0);
        short v106 = (short) (v105 + 1);
        short v107 = (short) (v106 + 2);
        short v108 = (short) (v107 + 3);
        short v109 = (short) (v108 + 4);
        short v110 = (short) (v109 + 5);
        short v111 = (short) (v110 + 6);
        short v112 = (short) (v111 + 0);
        short v113 = (short) (v112 + 1);
        short v114 = (short) (v113 + 2);
        short v115 = (short) (v114 + 3);
        short v116 = (short) (v115 + 4);
        short v117 = (short) (v116 + 5);
        short v118 = (short) (v117 + 6);
        short v119 = (short) (v118 + 0);
        short v120 = (short) (v119 + 1);
        short v121 = (short) (v120 + 2);
        short v122 = (short) (v121 + 3);
        short v123 = (short) (v122 + 4);
        short v124 = (short) (v123 + 5);
        short v125 = (short) (v124 + 6);
        short v126 = (short) (v125 + 0);
        short v127 = (short) (v126 + 1);
        short v128 = (short) (v127 + 2);
        short v129 = (short) (v128 + 3);
        short v130 = (short) (v129 + 4);
        short v131 = (short) (v130 + 5);
        short v132 = (short) (v131 + 6);
        short v133 = (short) (v132 + 0);
        short v134 = (short) (v133 + 1);
        short v135 = (short) (v134 + 2);
        short v136 = (short) (v135 + 3);
        short v137 = (short) (v136 + 4);
        short v138 = (short) (v137 + 5);
        short v139 = (short) (v138 + 6);
        short v140 = (short) (v139 + 0);
        short v141 = (short) (v140 + 1);
        short v142 = (short) (v141 + 2);
        short v143 = (short) (v142 + 3);
        short v144 = (short) (v143 + 4);
        short v145 = (short) (v144 + 5);
        short v146 = (short) (v145 + 6);
        short v147 = (short) (v146 + 0);
        short v148 = (short) (v147 + 1);
        short v149 = (short) (v148 + 2);
        short v150 = (short) (v149 + 3);
        short v151 = (short) (v150 + 4);
        short v152 = (short) (v151 + 5);
        short v153 = (short) (v152 + 6);
        short v154 = (short) (v153 + 0);
        short v155 = (short) (v154 + 1);
        short v156 = (short) (v155 + 2);
        short v157 = (short) (v156 + 3);
        short v158 = (short) (v157 + 4);
        short v159 = (short) (v158 + 5);
        short v160 = (short) (v159 + 6);
        short v161 = (short) (v160 + 0);
        short v162 = (short) (v161 + 1);
        short v163 = (short) (v162 + 2);
        short v164 = (short) (v163 + 3);
        short v165 = (short) (v164 + 4);
        short v166 = (short) (v165 + 5);
        short v167 = (short) (v166 + 6);
        short v168 = (short) (v167 + 0);
        short v169 = (short) (v168 + 1);
        short v170 = (short) (v169 + 2);
        short v171 = (short) (v170 + 3);
        short v172 = (short) (v171 + 4);
        short v173 = (short) (v172 + 5);
        short v174 = (short) (v173 + 6);
        short v175 = (short) (v174 + 0);
        short v176 = (short) (v175 + 1);
        short v177 = (short) (v176 + 2);
        short v178 = (short) (v177 + 3);
        short v179 = (short) (v178 + 4);
        short v180 = (short) (v179 + 5);
        short v181 = (short) (v180 + 6);
        short v182 = (short) (v181 + 0);
        short v183 = (short) (v182 + 1);
        short v184 = (short) (v183 + 2);
        short v185 = (short) (v184 + 3);
        short v186 = (short) (v185 + 4);
        short v187 = (short) (v186 + 5);
        short v188 = (short) (v187 + 6);
        short v189 = (short) (v188 + 0);
        short v190 = (short) (v189 + 1);
        short v191 = (short) (v190 + 2);
        short v192 = (short) (v191 + 3);
        short v193 = (short) (v192 + 4);
        short v194 = (short) (v193 + 5);
        short v195 = (short) (v194 + 6);
        short v196 = (short) (v195 + 0);
        short v197 = (short) (v196 + 1);
        short v198 = (short) (v197 + 2);
        short v199 = (short) (v198 + 3);
        short v200 = (short) (v199 + 4);
        short v201 = (short) (v200 + 5);
        short v202 = (short) (v201 + 6);
        short v203 = (short) (v202 + 0);
        short v204 = (short) (v203 + 1);
        short v205 = (short) (v204 + 2);
        short v206 = (short) (v205 + 3);
        short v207 = (short) (v206 + 4);
        short v208 = (short) (v207 + 5);
        short v209 = (short) (v208 + 6);
        short v210 = (short) (v209 + 0);
        short v211 = (short) (v210 + 1);
        short v212 = (short) (v211 + 2);
        short v213 = (short) (v212 + 3);
        short v214 = (short) (v213 + 4);
        short v215 = (short) (v214 + 5);
        short v216 = (short) (v215 + 6);
        short v217 = (short) (v216 + 0);
        short v218 = (short) (v217 + 1);
        short v219 = (short) (v218 + 2);
        short v220 = (short) (v219 + 3);
        short v221 = (short) (v220 + 4);
        short v222 = (short) (v221 + 5);
        short v223 = (short) (v222 + 6);
        short v224 = (short) (v223 + 0);
        short v225 = (short) (v224 + 1);
        short v226 = (short) (v225 + 2);
        short v227 = (short) (v226 + 3);
        short v228 = (short) (v227 + 4);
        short v229 = (short) (v228 + 5);
        return (short) (v229 ^ v17 ^ v200);
    }

    private static short farJumps(short x) {
        byte[] a = DATA;
        short n = x;

        for (short i = 0; i < 3; i++) {
            if (n == 12345)
                continue;
            n = (short) (n * 31 + a[0] - 0);
            n = (short) (n * 31 + a[1] - 1);
            n = (short) (n * 31 + a[2] - 2);
            n = (short) (n * 31 + a[3] - 3);
            n = (short) (n * 31 + a[4] - 4);
            n = (short) (n * 31 + a[5] - 5);
            n = (short) (n * 31 + a[6] - 6);
            n = (short) (n * 31 + a[7] - 7);
            n = (short) (n * 31 + a[0] - 8);
            n = (short) (n * 31 + a[1] - 9);
            n = (short) (n * 31 + a[2] - 10);
            n = (short) (n * 31 + a[3] - 11);
            n = (short) (n * 31 + a[4] - 12);
            n = (short) (n * 31 + a[5] - 13);
            n = (short) (n * 31 + a[6] - 14);
            n = (short) (n * 31 + a[7] - 15);
            n = (short) (n * 31 + a[0] - 16);
            n = (short) (n * 31 + a[1] - 17);
            n = (short) (n * 31 + a[2] - 18);
            n = (short) (n * 31 + a[3] - 19);
            n = (short) (n * 31 + a[4] - 20);
            n = (short) (n * 31 + a[5] - 21);
            n = (short) (n * 31 + a[6] - 22);
            n = (short) (n * 31 + a[7] - 23);
            n = (short) (n * 31 + a[0] - 24);
            n = (short) (n * 31 + a[1] - 25);
            n = (short) (n * 31 + a[2] - 26);
            n = (short) (n * 31 + a[3] - 27);
            n = (short) (n * 31 + a[4] - 28);
            n = (short) (n * 31 + a[5] - 29);
            n = (short) (n * 31 + a[6] - 30);
            n = (short) (n * 31 + a[7] - 31);
            n = (short) (n * 31 + a[0] - 32);
            n = (short) (n * 31 + a[1] - 33);
            n = (short) (n * 31 + a[2] - 34);
            n = (short) (n * 31 + a[3] - 35);
            n = (short) (n * 31 + a[4] - 36);
            n = (short) (n * 31 + a[5] - 37);
            n = (short) (n * 31 + a[6] - 38);
            n = (short) (n * 31 + a[7] - 39);
            if (n < 0)
                break;
        }
        return n;
    }

    private static short switches(short x) {
        short n = 0;

        switch (x) {
            case -3: n += 1;
            case -2: n += 2; break;
            case -1: break;
            case 0: n += 4;
            default: n += 8;
            case 2: n += 16;
        }
        switch ((byte) x) {
            case -128: return 1;
            case 0: n += 100; break;
            case 99: n += 200; break;
            case 127: n += 300;
        }
        switch (x & 3) {
            case 0: switch (n & 1) { case 0: n += 5; break; case 1: n += 6; } break;
            case 1: case 2: n += 7; break;
        }
        return n;
    }

    private static short eachOf(short x) {
        short n = x;

        for (byte b : DATA)
            n = (short) (n * 3 + b);
        for (short s : LARGE)
            n ^= s;
        for (boolean b : BITS)
            n += b ? 1 : 2;
        for (Object o : new Object[] { DATA, null, LARGE })
            n += o instanceof byte[] ? 5 : o == null ? 7 : 11;
        return n;
    }

    interface Order<T> {
        short compare(T a, T b);
    }

    static class Box<T> {
        T value;

        Box(T value) {
            this.value = value;
        }

        T swap(T other) {
            T old = value;
            value = other;
            return old;
        }
    }

    static class ByNumber implements Order<Cases> {
        public short compare(Cases a, Cases b) { /* javac adds a bridge that takes Objects */
            return (short) (a.number - b.number);
        }
    }

    static <T> T pick(boolean first, T a, T b) {
        return first ? a : b;
    }

    private static short generics(short x) {
        Cases a = new Cases(), b = new Cases();
        Box<Cases> box = new Box<Cases>(a);
        Order<Cases> order = new ByNumber();

        b.number = x;
        Cases old = box.swap(b);
        return (short) (order.compare(box.value, old) * 3 + pick(x > 3, old, box.value).number);
    }

    private static short types(short x) {
        Object[] all = { new byte[1], new short[2], new Whole(), new Object(), new Whole[1], null };
        Object o = all[(short) ((x & 0x7FFF) % 6)];
        short n = 0;

        if (o instanceof byte[])
            n += 1;
        if (o instanceof short[])
            n += 2;
        if (o instanceof Left)
            n += 4;
        if (o instanceof Half)
            n += 8;
        if (o instanceof Object[])
            n += 16;
        if (o instanceof Step[])
            n += 32;
        try {
            n += ((Right) o).right();
        } catch (ClassCastException e) {
            n += 64;
        } catch (NullPointerException e) {
            n += 128;
        }
        try {
            Object[] steps = new Step[2];
            steps[0] = o;
        } catch (ArrayStoreException e) {
            n += 256;
        }
        return n;
    }

    private static short loops(short x) {
        short n = 0, k = (short) (x & 31);

        outer:
        do {
            for (short i = 0; i < 10; i++) {
                if (i == k)
                    continue outer;
                if (n > 100)
                    break outer;
                n += i;
            }
            while (k > 12 && k-- > 10)
                n -= 3;
        } while (--k > 0);
        return n;
    }

    private static short fault(short x) {
        byte[] none = x == 0 ? null : DATA;

        switch (x) {
            case 0: return none[0];
            case 1: return (short) (5 / (short) (x - 1));
            case 2: return DATA[(short) (x * 4)];
            case 3: return (short) new byte[(short) (x - 5)].length;
            case 4: return (short) none.length;
            case 5: return (short) (x % (short) (x - 5));
            case 6: throw new SecurityException();
            default: return LARGE[x];
        }
    }

    private static short faults(short x) {
        short n = 0;

        for (short i = 0; i < 9; i++) {
            n = (short) (n * 7);
            try {
                n += fault((short) (i == 8 ? x : i));
            } catch (ArithmeticException e) {
                n += 1;
            } catch (NegativeArraySizeException e) {
                n += 2;
            } catch (IndexOutOfBoundsException e) {
                n += 3;
            } catch (NullPointerException e) {
                n += 4;
            } catch (SecurityException e) {
                n += 5;
            }
        }
        return n;
    }

    static class Base {
        short hidden = 1;

        short open(short x) {
            return (short) (x + hidden + secret());
        }

        private short secret() {
            return 10;
        }

        protected short guarded() {
            return 100;
        }

        static short direct() {
            return 1000;
        }
    }

    static class Derived extends Base {
        short hidden = 2;

        short open(short x) {
            return (short) (super.open(x) * 2 + hidden + super.hidden + secret());
        }

        private short secret() {
            return 20;
        }

        protected short guarded() {
            return (short) (super.guarded() + 1);
        }
    }

    private static short overriding(short x) {
        Base b = new Derived();

        return (short) (b.open(x) + b.guarded() + b.hidden + ((Derived) b).hidden + Derived.direct());
    }

    private static short narrowing(short x) {
        byte b = (byte) (x + 100);
        short s = (short) (x * 300), t = (short) -x;
        byte c = (byte) (b << 1);

        s += b * 2;
        t = (short) ((byte) (t ^ s) + (t & 0xFF) + (short) (s >> 3) + (short) ((byte) c >>> 1));
        return (short) (s - t + (x < b ? ~b : -b) + (short) ((short) (x + 1) / 3) + (short) (x % 11));
    }

    static class Made {
        static short count;
        final short first;
        short second = next();

        {
            second += 5;
        }

        Made() {
            this((short) 9);
            second *= 2;
        }

        Made(short first) {
            this.first = first;
            count++;
        }

        private short next() {
            return (short) (first + 1);
        }
    }

    private static short initialisers(short x) {
        Made a = new Made(), b = new Made(x);

        return (short) (a.first * 1000 + a.second * 10 + b.first + b.second + Made.count);
    }

    private static short recursion(short x) {
        return x < 2 ? x : (short) (recursion((short) (x - 1)) + recursion((short) (x - 2)));
    }

    private static short conditions(short x) {
        boolean a = x > 0, b = (x & 1) != 0, c = x == 300 | a ^ b;
        Object o = a && (b || c) ? DATA : null;

        return (short) ((a ? b ? 1 : 2 : c ? 3 : 4) + (o != null && !(c && b) ? 10 : 20) + (a & b & c ? 100 : 0));
    }
}
