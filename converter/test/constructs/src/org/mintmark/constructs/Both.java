package org.mintmark.constructs;

/** An interface of the package that extends another one. */
interface Both extends First {
    void second();
}

interface First {
    short first();
}
