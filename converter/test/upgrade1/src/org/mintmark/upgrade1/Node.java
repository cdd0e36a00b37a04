package org.mintmark.upgrade1;

import org.globalplatform.upgrade.Element;
import org.globalplatform.upgrade.MappedElement;
import org.globalplatform.upgrade.UpgradeManager;

/** A custom object in a ring. */
final class Node {
    final byte value;
    Node next;

    Node(byte value) {
        this.value = value;
    }

    Element save() {
        MappedElement e = UpgradeManager.matchMappedElement(this);
        if (e != null)
            return e;
        e = (MappedElement) UpgradeManager.createElement(Element.TYPE_MAPPED, Element.SIZE_BYTE, (short) 1);
        e.setMappedObject(this);
        return e.write(value).write(next.save());
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
