package org.mintmark.upgrade2;

import org.globalplatform.upgrade.Element;
import org.globalplatform.upgrade.MappedElement;

/** A custom object in a ring. */
final class Node {
    final byte value;
    Node next;

    Node(byte value) {
        this.value = value;
    }

    static Node restore(Element element) {
        MappedElement e = (MappedElement) element;
        if (e.getMappedObject() != null)
            return (Node) e.getMappedObject();
        e.initRead();
        Node n = new Node(e.readByte());
        e.setMappedObject(n);
        n.next = restore((Element) e.readObject());
        return n;
    }
}
