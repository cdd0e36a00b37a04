package vmtest;
import javacard.framework.Shareable;

public interface Sharing extends Shareable {
    short share(short x);
}
