package org.seed;

public interface Counter extends javacard.framework.Shareable {
    short next(short by);
}
