package lib;

import javacard.framework.Shareable;

/** What Server shares. */
public interface Tick extends Shareable {
    short tick();
}
