package org.mintmark.library;

public interface Steps {
    short step(short by);

    void reset();
}
