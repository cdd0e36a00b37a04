package org.mintmark.upgrade1;

import org.globalplatform.upgrade.Element;

/** An element that is none of the card's. */
final class Fake implements Element {
    public Element write(boolean z) {
        return this;
    }

    public Element write(byte b) {
        return this;
    }

    public Element write(short s) {
        return this;
    }

    public Element write(Object o) {
        return this;
    }

    public short canWriteBoolean() {
        return 0;
    }

    public short canWriteByte() {
        return 0;
    }

    public short canWriteShort() {
        return 0;
    }

    public short canWriteObject() {
        return 0;
    }

    public void initRead() {
    }

    public boolean readBoolean() {
        return false;
    }

    public byte readByte() {
        return 0;
    }

    public short readShort() {
        return 0;
    }

    public Object readObject() {
        return null;
    }

    public short canReadBoolean() {
        return 0;
    }

    public short canReadByte() {
        return 0;
    }

    public short canReadShort() {
        return 0;
    }

    public short canReadObject() {
        return 0;
    }
}
