package org.mintmark.refused;

class LongField {
    long money;
}

class IntField {
    int money;
}

class IntArgument {
    void take(int x) {
    }
}

class TextLiteral {
    Object text() {
        return "text";
    }
}

class FloatLocal {
    short half(short x) {
        float f = x;
        return (short) (f / 2);
    }
}

class DoubleConstant {
    static boolean above(short x) {
        return x > 1.5;
    }
}

class LongArithmetic {
    short product(short x, short y) {
        return (short) (((long) x * y) >> 8);
    }
}

class CompareSum {
    boolean fits(short off, short len) {
        return off + len > 100;
    }
}

class IndexSum {
    byte at(byte[] b, short off) {
        return b[off + 1];
    }
}

class ShiftSum {
    short mean(short a, short b) {
        return (short) ((a + b) >> 1);
    }
}

class DivideProduct {
    short scale(short a, short b) {
        return (short) (a * b / 10);
    }
}

class RemainderSum {
    short wrap(short a, short b) {
        return (short) ((a + b) % 7);
    }
}

class SwitchSum {
    short choose(short a, short b) {
        switch (a + b) {
            case 1:
                return 1;
            default:
                return 0;
        }
    }
}

class WideLoop {
    short loop() {
        short n = 0;
        for (int i = 0; i != 10; i++) {
            n++;
        }
        return n;
    }
}

class ArrayOfArrays {
    byte[][] rows = new byte[2][2];
}

class Lambda {
    Runnable later() {
        return () -> {
        };
    }
}

class Synchronized {
    void lock(Object o) {
        synchronized (o) {
            o = null;
        }
    }
}

class SynchronizedMethod {
    synchronized void lock() {
    }
}

class NativeMethod {
    native void call();
}

class IntArray {
    Object make() {
        return new int[2];
    }
}

class CharArray {
    Object make() {
        return new char[2];
    }
}

class StaticCall {
    static final byte[] B = new byte[size()];

    static short size() {
        return 3;
    }
}

class StaticObject {
    static final Object O = new Object();
}

class Clone {
    byte[] copy(byte[] b) {
        return b.clone();
    }
}

enum Colour {
    RED
}

class HashCode {
    short hash(Object o) {
        return (short) o.hashCode();
    }
}

class PackageVisible {
    void hidden() {
    }
}

class MadePublic extends PackageVisible {
    public void hidden() {
    }
}

interface WithBody {
    default short body() {
        return 1;
    }
}
