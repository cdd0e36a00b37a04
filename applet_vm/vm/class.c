/* Questions about classes that the linker, the interpreter and the natives share. */
#include "applet_vm/vm/vm_int.h"

static bool implements(const struct mm_class *cls, const struct mm_class *iface)
{
    for (; cls != NULL; cls = cls->super) {
        for (size_t i = 0; i < cls->impl_n; i++) {
            const struct mm_class *own = cls->impls[i].iface;
            if (own == iface)
                return true;
            /* A class names all its interfaces (JCVM 3.0.5, 6.9.2), superinterfaces included; do
             * not depend on it. */
            for (size_t j = 0; j < own->impl_n; j++) {
                if (own->impls[j].iface == iface)
                    return true;
            }
        }
    }
    return false;
}

bool mm_class_is(const struct mm_class *cls, const struct mm_class *of)
{
    if (of->interface)
        return cls == of || implements(cls, of);
    for (; cls != NULL; cls = cls->super) {
        if (cls == of)
            return true;
    }
    return false;
}

struct mm_method *mm_class_interface_method(const struct mm_class *cls,
                                            const struct mm_class *iface, uint16_t token)
{
    for (const struct mm_class *c = cls; c != NULL; c = c->super) {
        for (size_t i = 0; i < c->impl_n; i++) {
            const struct mm_impl *impl = &c->impls[i];
            if (impl->iface != iface)
                continue;
            if (token >= impl->n || impl->tokens[token] == 0xFF)
                return NULL;
            return mm_class_method(cls, impl->tokens[token], false);
        }
    }
    return NULL;
}

bool mm_object_is(const struct mm_vm *vm, const struct mm_object *o, uint16_t type,
                  const struct mm_class *cls)
{
    if (type == 0)
        return cls == vm->object_class || (o->type == MM_TYPE_INSTANCE && mm_class_is(o->cls, cls));
    if (type != o->type)
        return false;
    return type != MM_TYPE_REF || mm_class_is(o->cls, cls) || cls == vm->object_class;
}
