/*
 * javacard.security keys and KeyBuilder.
 *
 * A key is an instance of an internal class with five hidden cells: its material (a byte array of
 * the applet that owns the key, persistent or transient as the key's type says), the key whose
 * domain parameters it shares, the Cipher of KeyEncryption, its type and its size in bits. The material is the key's parts, each
 * right-aligned in a field of fixed length, and a last byte that says which parts are set, so that a
 * transient key that is cleared is uninitialised again:
 *
 *   | part 0 | part 1 | ... | set |
 */
#include "applet_vm/api/key_int.h"

#include <openssl/crypto.h>
#include <string.h>

#define KEY_CLASS "mintmark/Key"
#define HMAC_MAX  255 /* bytes of an HMAC key; a length byte before them */

enum { KEY_MATERIAL, KEY_DOMAIN, KEY_CIPHER, KEY_TYPE, KEY_BITS, KEY_CELLS };

/* Parts of a kind, a letter each, n being the bytes of the key's size:
 *   n number of n bytes    e the same, told without leading zeros    h number of half the size
 *   q number of 32 bytes, told with 20 at least (DSA's subgroup)
 *   r number up to the order of the curve: of 160 bits it may have one bit more
 *   g point, 1 + 2 n bytes    k cofactor, 2 bytes    v length byte and 255 bytes
 */
static const struct kind {
    const char *parts;
    uint8_t domain_n;  /* parts that are domain parameters, the first ones */
    uint8_t needed;    /* mask of the parts without which the key is not initialised */
    uint16_t min, max; /* bits */
} kinds[] = {
    [MM_KIND_NONE] = {"", 0, 0, 1, 0},
    [MM_KIND_DES] = {"n", 0, 1, 64, 192},
    [MM_KIND_AES] = {"n", 0, 1, 128, 256},
    [MM_KIND_SEED] = {"n", 0, 1, 128, 128},
    [MM_KIND_HMAC] = {"v", 0, 1, 1, 1024},
    [MM_KIND_RSA_PUBLIC] = {"ne", 0, 3, 512, 4096},
    [MM_KIND_RSA_PRIVATE] = {"nne", 0, 3, 512, 4096},
    [MM_KIND_RSA_CRT] = {"hhhhh", 0, 31, 512, 4096},
    [MM_KIND_DSA_PUBLIC] = {"nqnn", 3, 15, 512, 2048},
    [MM_KIND_DSA_PRIVATE] = {"nqnq", 3, 15, 512, 2048},
    [MM_KIND_DSA_PARAMS] = {"nqn", 3, 7, 512, 2048},
    [MM_KIND_DH_PUBLIC] = {"nenn", 3, 13, 512, 2048},
    [MM_KIND_DH_PRIVATE] = {"nene", 3, 13, 512, 2048},
    [MM_KIND_DH_PARAMS] = {"nen", 3, 5, 512, 2048},
    [MM_KIND_EC_PUBLIC] = {"nnngrkg", 6, 0x5F, 112, 521},
    [MM_KIND_EC_PRIVATE] = {"nnngrkr", 6, 0x5F, 112, 521},
    [MM_KIND_EC_PARAMS] = {"nnngrk", 6, 0x1F, 112, 521},
    [MM_KIND_F2M_PUBLIC] = {"nnngrkg", 6, 0x5F, 113, 193},
    [MM_KIND_F2M_PRIVATE] = {"nnngrkr", 6, 0x5F, 113, 193},
    [MM_KIND_F2M_PARAMS] = {"nnngrk", 6, 0x1F, 113, 193},
};

#define R MM_CLEAR_ON_RESET
#define D MM_CLEAR_ON_DESELECT
/* KeyBuilder.TYPE_...; keys of domain parameters have the number of their ALG_TYPE_ and a high bit. */
#define TYPE_PARAMS 0x80
static const struct type {
    uint8_t type, kind, memory;
    const char *class_name;
} types[] = {
    {1, MM_KIND_DES, R, "mintmark/DesKey"},
    {2, MM_KIND_DES, D, "mintmark/DesKey"},
    {3, MM_KIND_DES, 0, "mintmark/DesKey"},
    {4, MM_KIND_RSA_PUBLIC, 0, "mintmark/RsaPublicKey"},
    {5, MM_KIND_RSA_PRIVATE, 0, "mintmark/RsaPrivateKey"},
    {6, MM_KIND_RSA_CRT, 0, "mintmark/RsaCrtKey"},
    {7, MM_KIND_DSA_PUBLIC, 0, "mintmark/DsaPublicKey"},
    {8, MM_KIND_DSA_PRIVATE, 0, "mintmark/DsaPrivateKey"},
    {9, MM_KIND_F2M_PUBLIC, 0, "mintmark/EcPublicKey"},
    {10, MM_KIND_F2M_PRIVATE, 0, "mintmark/EcPrivateKey"},
    {11, MM_KIND_EC_PUBLIC, 0, "mintmark/EcPublicKey"},
    {12, MM_KIND_EC_PRIVATE, 0, "mintmark/EcPrivateKey"},
    {13, MM_KIND_AES, R, "mintmark/AesKey"},
    {14, MM_KIND_AES, D, "mintmark/AesKey"},
    {15, MM_KIND_AES, 0, "mintmark/AesKey"},
    {16, MM_KIND_SEED, R, "mintmark/SeedKey"},
    {17, MM_KIND_SEED, D, "mintmark/SeedKey"},
    {18, MM_KIND_SEED, 0, "mintmark/SeedKey"},
    {19, MM_KIND_HMAC, R, "mintmark/HmacKey"},
    {20, MM_KIND_HMAC, D, "mintmark/HmacKey"},
    {21, MM_KIND_HMAC, 0, "mintmark/HmacKey"},
    {22, MM_KIND_RSA_PRIVATE, R, "mintmark/RsaPrivateKey"},
    {23, MM_KIND_RSA_PRIVATE, D, "mintmark/RsaPrivateKey"},
    {24, MM_KIND_RSA_CRT, R, "mintmark/RsaCrtKey"},
    {25, MM_KIND_RSA_CRT, D, "mintmark/RsaCrtKey"},
    {26, MM_KIND_DSA_PRIVATE, R, "mintmark/DsaPrivateKey"},
    {27, MM_KIND_DSA_PRIVATE, D, "mintmark/DsaPrivateKey"},
    {28, MM_KIND_F2M_PRIVATE, R, "mintmark/EcPrivateKey"},
    {29, MM_KIND_F2M_PRIVATE, D, "mintmark/EcPrivateKey"},
    {30, MM_KIND_EC_PRIVATE, R, "mintmark/EcPrivateKey"},
    {31, MM_KIND_EC_PRIVATE, D, "mintmark/EcPrivateKey"},
    {32, MM_KIND_DH_PUBLIC, 0, "mintmark/DhPublicKey"},
    {33, MM_KIND_DH_PUBLIC, D, "mintmark/DhPublicKey"},
    {34, MM_KIND_DH_PUBLIC, R, "mintmark/DhPublicKey"},
    {35, MM_KIND_DH_PRIVATE, 0, "mintmark/DhPrivateKey"},
    {36, MM_KIND_DH_PRIVATE, D, "mintmark/DhPrivateKey"},
    {37, MM_KIND_DH_PRIVATE, R, "mintmark/DhPrivateKey"},
    {TYPE_PARAMS | 16, MM_KIND_F2M_PARAMS, 0, "mintmark/EcKey"},
    {TYPE_PARAMS | 17, MM_KIND_EC_PARAMS, 0, "mintmark/EcKey"},
    {TYPE_PARAMS | 18, MM_KIND_DSA_PARAMS, 0, "mintmark/DsaKey"},
    {TYPE_PARAMS | 19, MM_KIND_DH_PARAMS, 0, "mintmark/DhKey"},
};
#undef R
#undef D

/* KeyBuilder.ALG_TYPE_... to TYPE_..., by memory: persistent, reset, deselect; 0: public keys and
 * parameters have one type and lie where they are asked to. */
static const uint8_t alg_types[][4] = {
    {1, 3, 1, 2},
    {2, 15, 13, 14},
    {3, 7, 7, 7},
    {4, 8, 26, 27},
    {5, 9, 9, 9},
    {6, 10, 28, 29},
    {7, 11, 11, 11},
    {8, 12, 30, 31},
    {9, 21, 19, 20},
    {10, 18, 16, 17},
    {11, 4, 4, 4},
    {12, 5, 22, 23},
    {13, 6, 24, 25},
    {14, 32, 34, 33},
    {15, 35, 37, 36},
    {16, TYPE_PARAMS | 16, TYPE_PARAMS | 16, TYPE_PARAMS | 16},
    {17, TYPE_PARAMS | 17, TYPE_PARAMS | 17, TYPE_PARAMS | 17},
    {18, TYPE_PARAMS | 18, TYPE_PARAMS | 18, TYPE_PARAMS | 18},
    {19, TYPE_PARAMS | 19, TYPE_PARAMS | 19, TYPE_PARAMS | 19},
};

static uint16_t get(struct mm_vm *vm, mm_ref key, uint8_t cell)
{
    return mm_vm_hidden(vm, key, KEY_CLASS, cell);
}

static const struct type *type_find(unsigned type)
{
    if (type >= 1 && type <= sizeof(types) / sizeof(types[0]) - 4)
        return &types[type - 1]; /* the table is in their order, four of parameters at the end */
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type)
            return &types[i];
    }
    return NULL;
}

/* ---- Layout ---- */

struct field {
    size_t off, len, min;
};

static struct field field_of(char letter, size_t n)
{
    switch (letter) {
    case 'e':
        return (struct field){0, n, 1};
    case 'h':
        return (struct field){0, n / 2, n / 2};
    case 'q':
        return (struct field){0, 32, 20};
    case 'r':
        return (struct field){0, n + (n == 20), n};
    case 'g':
        return (struct field){0, 2 * n + 1, 2 * n + 1};
    case 'k':
        return (struct field){0, 2, 2};
    case 'v':
        return (struct field){0, 1 + HMAC_MAX, 1 + HMAC_MAX};
    default:
        return (struct field){0, n, n};
    }
}

/* Where a part lies; past the last one: where the set byte lies. */
static struct field layout(const struct kind *kind, unsigned bits, unsigned part)
{
    struct field f = {0, 0, 0};
    size_t off = 0;

    for (unsigned i = 0; i <= part && kind->parts[i] != '\0'; i++) {
        f = field_of(kind->parts[i], (bits + 7) / 8);
        f.off = off;
        off += f.len;
        if (i == part)
            return f;
    }
    return (struct field){off, 1, 1};
}

static size_t material_len(const struct kind *kind, unsigned bits)
{
    return layout(kind, bits, 8).off + 1;
}

enum mm_key_kind mm_api_key_kind(struct mm_vm *vm, mm_ref key)
{
    /* The cell reads 0, which is no type, in an object of any other class. */
    const struct type *t = type_find(get(vm, key, KEY_TYPE));

    return t != NULL ? (enum mm_key_kind)t->kind : MM_KIND_NONE;
}

unsigned mm_api_key_bits(struct mm_vm *vm, mm_ref key)
{
    return get(vm, key, KEY_BITS);
}

/* The material of a key that is one, *set its last byte. */
static const uint8_t *material(struct mm_vm *vm, mm_ref key, const struct kind **kind, uint8_t *set)
{
    const uint8_t *m;
    size_t len;

    *kind = &kinds[mm_api_key_kind(vm, key)];
    m = mm_api_hidden_bytes(vm, get(vm, key, KEY_MATERIAL), &len);
    if (m == NULL || len != material_len(*kind, get(vm, key, KEY_BITS)))
        return NULL;
    *set = m[len - 1];
    return m;
}

/* Domain parameters of a key that shares them are in the other one. */
static mm_ref holder(struct mm_vm *vm, mm_ref key, unsigned part)
{
    const struct kind *kind = &kinds[mm_api_key_kind(vm, key)];
    mm_ref domain = get(vm, key, KEY_DOMAIN);

    return domain != MM_REF_NULL && part < kind->domain_n ? domain : key;
}

const uint8_t *mm_api_key_part(struct mm_vm *vm, mm_ref key, unsigned part, size_t *len)
{
    const struct kind *kind;
    const uint8_t *m;
    struct field f;
    uint8_t set = 0;

    key = holder(vm, key, part);
    m = material(vm, key, &kind, &set);
    *len = 0;
    if (m == NULL || (set & 1u << part) == 0)
        return NULL;
    f = layout(kind, get(vm, key, KEY_BITS), part);
    m += f.off;
    while (f.len > f.min && m[0] == 0) {
        m++;
        f.len--;
    }
    *len = f.len;
    return m;
}

bool mm_api_key_ready(struct mm_vm *vm, mm_ref key)
{
    const struct kind *kind = &kinds[mm_api_key_kind(vm, key)];
    size_t len;

    for (unsigned part = 0; part < 8; part++) {
        if ((kind->needed & 1u << part) != 0 && mm_api_key_part(vm, key, part, &len) == NULL)
            return false;
    }
    return kind->needed != 0;
}

/* ---- The key of an operation ---- */

static bool keep_material(struct mm_vm *vm, struct mm_buf *to, mm_ref array)
{
    size_t len;
    const uint8_t *data = mm_vm_contents(vm, array, &len);

    if (data != NULL)
        mm_buf_bytes(to, data, len);
    return data != NULL && !to->bad;
}

bool mm_api_key_take(struct mm_vm *vm, struct mm_api_op *op, mm_ref key)
{
    const struct kind *kind = &kinds[mm_api_key_kind(vm, key)];
    mm_ref domain = get(vm, key, KEY_DOMAIN);
    uint8_t shared = (uint8_t)(domain != MM_REF_NULL ? (1u << kind->domain_n) - 1 : 0u);

    op->key = key;
    op->keyed.len = 0;
    op->watch[0].material = get(vm, key, KEY_MATERIAL);
    op->watch[0].needed = (uint8_t)(kind->needed & ~shared);
    op->watch[1].material = domain != MM_REF_NULL ? get(vm, domain, KEY_MATERIAL) : MM_REF_NULL;
    op->watch[1].needed = (uint8_t)(kind->needed & shared);
    return keep_material(vm, &op->keyed, op->watch[0].material) &&
           (domain == MM_REF_NULL || keep_material(vm, &op->keyed, op->watch[1].material));
}

static bool parts_set(const struct mm_vm *vm, mm_ref material, uint8_t needed)
{
    size_t len;
    const uint8_t *m = mm_vm_contents(vm, material, &len);

    return len != 0 && (m[len - 1] & needed) == needed;
}

bool mm_api_key_still_ready(struct mm_vm *vm, const struct mm_api_op *op)
{
    return parts_set(vm, op->watch[0].material, op->watch[0].needed) &&
           (op->watch[1].material == MM_REF_NULL ||
            parts_set(vm, op->watch[1].material, op->watch[1].needed));
}

bool mm_api_key_same(struct mm_vm *vm, const struct mm_api_op *op, mm_ref key)
{
    size_t at = 0;

    if (op->key != key || op->watch[0].material != get(vm, key, KEY_MATERIAL))
        return false;
    for (size_t i = 0; i < 2 && op->watch[i].material != MM_REF_NULL; i++) {
        size_t len;
        const uint8_t *m = mm_vm_contents(vm, op->watch[i].material, &len);
        if (m == NULL || len > op->keyed.len - at || memcmp(m, op->keyed.data + at, len) != 0)
            return false;
        at += len;
    }
    return at == op->keyed.len && at != 0;
}

enum mm_run mm_api_key_put(struct mm_vm *vm, mm_ref key, unsigned part, const uint8_t *data,
                           size_t data_len)
{
    const struct kind *kind;
    const uint8_t *m;
    struct field f;
    uint8_t field[MM_KEY_PART_MAX] = {0}, set = 0;
    mm_ref array;
    enum mm_run run;
    bool exact;

    key = holder(vm, key, part);
    m = material(vm, key, &kind, &set);
    if (m == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    f = layout(kind, get(vm, key, KEY_BITS), part);
    exact = kind->parts[part] == 'g' || kind->parts[part] == 'v';
    while (data_len > f.len && data[0] == 0 && !exact) { /* leading zeros of a number */
        data++;
        data_len--;
    }
    if (data_len > f.len || data_len == 0 || f.len > sizeof(field) || (exact && data_len != f.len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (kind->parts[part] == 'g' && data[0] != 0x04) /* ANSI X9.62, uncompressed */
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    memcpy(field + f.len - data_len, data, data_len);
    if (mm_api_key_kind(vm, key) == MM_KIND_RSA_PRIVATE && part != MM_RSA_OTHER)
        set &= (uint8_t) ~(1u << MM_RSA_OTHER); /* it belonged to the value that was here */
    set |= (uint8_t)(1u << part);
    array = get(vm, key, KEY_MATERIAL);
    run = mm_vm_array_write(vm, array, (uint16_t)f.off, field, (uint16_t)f.len, true);
    OPENSSL_cleanse(field, sizeof(field));
    if (run != MM_RUN_OK)
        return run;
    return mm_vm_array_write(vm, array, (uint16_t)layout(kind, get(vm, key, KEY_BITS), 8).off, &set,
                             1, true);
}

mm_ref mm_api_key_cipher(struct mm_vm *vm, mm_ref key)
{
    return get(vm, key, KEY_CIPHER);
}

enum mm_run mm_api_key_cipher_set(struct mm_vm *vm, mm_ref key, mm_ref cipher)
{
    return mm_vm_hidden_set(vm, key, KEY_CLASS, KEY_CIPHER, cipher, false);
}

/* ---- KeyBuilder ---- */

/* EC over Fp: any size between the constants', as cards have it; the domain parameters make the curve */
static bool size_offered(const struct type *t, int bits)
{
    static const uint16_t f2m[] = {113, 131, 163, 193};
    enum mm_key_kind kind = (enum mm_key_kind)t->kind;

    if (bits < kinds[kind].min || bits > kinds[kind].max)
        return false;
    if (mm_api_kind_f2m(kind)) {
        for (size_t i = 0; i < sizeof(f2m) / sizeof(f2m[0]); i++) {
            if (f2m[i] == bits)
                return true;
        }
        return false;
    }
    if (kind == MM_KIND_DES || kind == MM_KIND_AES)
        return bits % 64 == 0;
    return kind == MM_KIND_HMAC || mm_api_kind_ec(kind) || bits % 32 == 0;
}

enum mm_run mm_api_key_new(struct mm_vm *vm, unsigned type, int bits, enum mm_transient memory,
                           mm_ref *out)
{
    const struct type *t = type_find(type);
    uint16_t cells[KEY_CELLS] = {[KEY_TYPE] = (uint16_t)type, [KEY_BITS] = (uint16_t)bits};
    enum mm_run run = MM_RUN_OK;

    if (t == NULL || !size_offered(t, bits))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    *out = mm_vm_new_instance(vm, t->class_name);
    if (*out == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    cells[KEY_MATERIAL] = mm_vm_new_array(
        vm, MM_TYPE_BYTE_ARRAY, (uint16_t)material_len(&kinds[t->kind], (unsigned)bits), memory);
    if (cells[KEY_MATERIAL] == MM_REF_NULL)
        return mm_api_throw_system(vm, memory == MM_PERSISTENT ? MM_SYSTEM_NO_ROOM
                                                               : MM_SYSTEM_NO_TRANSIENT_SPACE);
    for (uint8_t i = 0; i < KEY_CELLS && run == MM_RUN_OK; i++)
        run = mm_vm_hidden_set(vm, *out, KEY_CLASS, i, cells[i], false);
    return run;
}

enum mm_run mm_n_key_build(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct type *t = type_find((uint8_t)args[0] & ~(unsigned)TYPE_PARAMS);

    if (t == NULL || (uint8_t)args[0] >= TYPE_PARAMS)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_key_new(vm, t->type, MM_ARG_SHORT(1), (enum mm_transient)t->memory, &ret[0]);
}

/* TYPE_ of an ALG_TYPE_ in this memory; 0 when there is none. */
static uint8_t type_of_alg(uint8_t alg, int memory)
{
    for (size_t i = 0; i < sizeof(alg_types) / sizeof(alg_types[0]); i++) {
        if (alg_types[i][0] == alg && memory >= 0 && memory <= 2)
            return alg_types[i][1 + memory];
    }
    return 0;
}

/* buildKey(algorithmicKeyType, keyMemoryType, length, encryption) */
enum mm_run mm_n_key_build_memory(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t type = type_of_alg((uint8_t)args[0], MM_ARG_BYTE(1));

    if (type == 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_key_new(vm, type, MM_ARG_SHORT(2), (enum mm_transient)MM_ARG_BYTE(1), &ret[0]);
}

/* buildKeyWithSharedDomain(algorithmicKeyType, keyMemoryType, domainParameters, encryption): the new
 * key reads and writes the parameters of the other one. */
enum mm_run mm_n_key_build_shared(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t type = type_of_alg((uint8_t)args[0], MM_ARG_BYTE(1));
    const struct type *t = type_find(type);
    const struct kind *own, *other = &kinds[mm_api_key_kind(vm, args[2])];
    mm_ref domain = args[2];
    enum mm_run run;

    if (args[2] == MM_REF_NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (t == NULL || kinds[t->kind].domain_n == 0 || (type & TYPE_PARAMS) != 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    own = &kinds[t->kind];
    /* Of one family: as many domain parameters, laid out alike, over the same kind of field. */
    if (other->domain_n != own->domain_n || strncmp(own->parts, other->parts, own->domain_n) != 0 ||
        mm_api_kind_f2m((enum mm_key_kind)t->kind) != mm_api_kind_f2m(mm_api_key_kind(vm, args[2])))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (get(vm, domain, KEY_DOMAIN) != MM_REF_NULL)
        domain = get(vm, domain, KEY_DOMAIN);
    run = mm_api_key_new(vm, type, get(vm, domain, KEY_BITS), (enum mm_transient)MM_ARG_BYTE(1),
                         &ret[0]);
    return run == MM_RUN_OK ? mm_vm_hidden_set(vm, ret[0], KEY_CLASS, KEY_DOMAIN, domain, false)
                            : run;
}

/* ---- Key ---- */

enum mm_run mm_n_key_clear(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const uint8_t zeros[2048]; /* DH 2048 needs 4 * 256 + 1, RSA 4096 3 * 512 + 1 */
    const struct kind *kind;
    uint8_t set;

    (void)ret;
    if (material(vm, args[0], &kind, &set) == NULL)
        return MM_RUN_OK;
    return mm_vm_array_write(vm, get(vm, args[0], KEY_MATERIAL), 0, zeros,
                             (uint16_t)material_len(kind, get(vm, args[0], KEY_BITS)), true);
}

enum mm_run mm_n_key_get_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], KEY_BITS);
    return MM_RUN_OK;
}

enum mm_run mm_n_key_get_type(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], KEY_TYPE) & 0x7Fu;
    return MM_RUN_OK;
}

enum mm_run mm_n_key_is_initialized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_api_key_ready(vm, args[0]);
    return MM_RUN_OK;
}

/* ---- Secret keys ---- */

const uint8_t *mm_api_secret(struct mm_vm *vm, mm_ref key, enum mm_key_kind kind, size_t *len)
{
    const uint8_t *m;

    *len = 0;
    if (mm_api_key_kind(vm, key) != kind || (m = mm_api_key_part(vm, key, 0, len)) == NULL)
        return NULL;
    if (kind == MM_KIND_HMAC) {
        *len = m[0];
        m++;
    }
    return m;
}

/* setKey(data, off) of AES, DES and SEED: as many bytes as the key has */
enum mm_run mm_n_secret_set_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t n = get(vm, args[0], KEY_BITS) / 8u;
    struct mm_key_input in;
    enum mm_run run = mm_api_key_input(vm, args[0], args, (int32_t)n, true, &in);

    (void)ret;
    if (run == MM_RUN_OK)
        run = in.len == n ? mm_api_key_put(vm, args[0], 0, in.data, n)
                          : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    OPENSSL_cleanse(in.plain, sizeof(in.plain));
    return run;
}

/* HMACKey.setKey(data, off, len) */
enum mm_run mm_n_hmac_set_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t field[1 + HMAC_MAX] = {0};
    struct mm_key_input in;
    enum mm_run run = mm_api_key_input(vm, args[0], args, MM_ARG_SHORT(3), false, &in);

    (void)ret;
    if (run == MM_RUN_OK && (in.len == 0 || in.len > HMAC_MAX))
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (run == MM_RUN_OK) {
        field[0] = (uint8_t)in.len;
        memcpy(field + 1, in.data, in.len);
        run = mm_api_key_put(vm, args[0], 0, field, sizeof(field));
    }
    OPENSSL_cleanse(field, sizeof(field));
    OPENSSL_cleanse(in.plain, sizeof(in.plain));
    return run;
}

enum mm_run mm_n_secret_get_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t len;
    const uint8_t *key = mm_api_secret(vm, args[0], mm_api_key_kind(vm, args[0]), &len);

    if (key == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), key, len);
}
