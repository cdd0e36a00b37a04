package org.mintmark.cap;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The AID of an applet, on its class, or of a package, in package-info.java. The converter reads it
 * from the class files; nothing of it goes to a card.
 */
@Retention(RetentionPolicy.CLASS)
@Target({ElementType.TYPE, ElementType.PACKAGE})
public @interface Aid {
    /** 5 to 16 bytes in hexadecimal. */
    String value();

    /** Version of the package, as "1.0"; of no meaning on a class. */
    String version() default "";
}
