/* Inside the API module: the volatile state, helpers of the natives, and every native's prototype. */
#ifndef MM_API_INT_H
#define MM_API_INT_H

#include "applet_vm/api/api.h"

#include <openssl/evp.h>
#include <openssl/provider.h>

#define MM_CLASS_RUNTIME "javacard/framework/CardRuntimeException"
#define MM_CLASS_CHECKED "javacard/framework/CardException"

/* Java arguments are 16-bit cells. */
#define MM_ARG_SHORT(i) ((int16_t)args[i])
#define MM_ARG_BYTE(i)  ((int8_t)args[i])

#define MM_TYPE_BOOLEAN_ARRAY 10
#define MM_TYPE_BYTE_ARRAY    11
#define MM_TYPE_SHORT_ARRAY   12
#define MM_TYPE_INT_ARRAY     13

/* Reasons of exceptions, as the API names them. */
enum {
    MM_SYSTEM_ILLEGAL_VALUE = 1,
    MM_SYSTEM_NO_TRANSIENT_SPACE = 2,
    MM_SYSTEM_ILLEGAL_TRANSIENT = 3,
    MM_SYSTEM_ILLEGAL_AID = 4,
    MM_SYSTEM_NO_ROOM = 5, /* NO_RESOURCE */
    MM_SYSTEM_ILLEGAL_USE = 6
};
enum {
    MM_CRYPTO_ILLEGAL_VALUE = 1,
    MM_CRYPTO_UNINITIALIZED_KEY = 2,
    MM_CRYPTO_NO_SUCH_ALGORITHM = 3,
    MM_CRYPTO_INVALID_INIT = 4,
    MM_CRYPTO_ILLEGAL_USE = 5
};

/* APDU.STATE_... */
enum mm_apdu_state {
    MM_APDU_ERROR_IO = -3,
    MM_APDU_INITIAL = 0,
    MM_APDU_PARTIAL_INCOMING = 1,
    MM_APDU_FULL_INCOMING = 2,
    MM_APDU_OUTGOING = 3,
    MM_APDU_OUTGOING_LENGTH_KNOWN = 4,
    MM_APDU_PARTIAL_OUTGOING = 5,
    MM_APDU_FULL_OUTGOING = 6
};

struct mm_api_apdu {
    mm_ref ref;                       /* JCRE entry point; as the buffers, temporary */
    mm_ref short_buffer, long_buffer; /* global arrays */
    const struct mm_class *extended;  /* the interface ExtendedLength */
    mm_ref buffer;                    /* the exchange's */
    uint8_t *bytes;                   /* its elements, in RAM */
    uint16_t buffer_len;
    bool active; /* between begin and end */
    enum mm_apdu_state state;
    uint8_t cla; /* as it came */
    mm_ref applet;
    enum mm_protocol protocol;
    const uint8_t *body; /* borrowed from the card */
    size_t body_len, body_off;
    bool long_lc;     /* the buffer begins with a Lc of three bytes */
    uint32_t le;      /* what setOutgoing tells */
    bool no_chaining; /* setOutgoingNoChaining */
    size_t out_len;   /* announced by setOutgoingLength */
    struct mm_buf out;
};

#define MM_API_IV_MAX 16

/* A cryptographic operation in progress, by the object that does it; gone at reset. */
struct mm_api_op {
    mm_ref ref; /* 0: free */
    mm_ref key;
    struct {
        mm_ref material; /* of the key, and of the key whose domain it shares */
        uint8_t needed;  /* bits of its last byte: parts that must be set */
    } watch[2];
    struct mm_buf keyed; /* the key's material when it was taken: to see whether it is another */
    uint16_t alg;        /* as in the object's hidden cell; 0: not initialised */
    uint8_t mode;
    uint8_t block; /* bytes of the cipher's block */
    uint8_t tag_n; /* AEAD: bytes of the tag */
    uint16_t nonce_n;
    bool started;   /* md or cipher hold part of a message */
    bool chained;   /* the cipher has an IV */
    bool rewind;    /* and has to get one of zeros before the next message */
    bool last_full; /* last holds a block that was kept back */
    bool final;     /* AEAD: the message is over, its tag can be asked for */
    uint8_t iv[16];
    uint8_t last[16]; /* CBC-MAC: last block of ciphertext; deciphering: block kept back */
    uint8_t tag[16];
    EVP_MAC_CTX *mac;
    struct mm_api_hmac *hmac; /* instead of mac, where there is a plain structure */
    EVP_MD_CTX *md;
    struct mm_api_plain *plain; /* a digest, instead of md */
    EVP_CIPHER_CTX *cipher;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *pctx;
    size_t fed; /* bytes of the message so far */
    size_t aad_n, aad_want, text_want;
    bool kept; /* init's key, mode and this IV are in the object's cells, committed */
    uint8_t kept_iv_len, kept_iv[MM_API_IV_MAX];
    struct mm_buf held; /* input that can be used only when it is whole */
};

/* Algorithms of OpenSSL, fetched once and kept. AES: three in a row by key length. */
enum mm_api_cipher_id {
    MM_EVP_DES_ECB,
    MM_EVP_DES_CBC,
    MM_EVP_SEED_ECB,
    MM_EVP_SEED_CBC,
    MM_EVP_AES_ECB,
    MM_EVP_AES_CBC = MM_EVP_AES_ECB + 3,
    MM_EVP_AES_CTR = MM_EVP_AES_CBC + 3,
    MM_EVP_AES_GCM = MM_EVP_AES_CTR + 3,
    MM_EVP_AES_CCM = MM_EVP_AES_GCM + 3,
    MM_EVP_CIPHERS = MM_EVP_AES_CCM + 3
};
#define MM_API_MDS 12 /* MessageDigest.ALG_... 1 to 11 */

#define MM_API_OP_HINTS      64
#define MM_API_GLOBAL_ARRAYS 8
#define MM_API_ENTRIES       64 /* registry entry objects of a power-on session */
#define MM_API_SHOTS         16 /* OneShot objects open at a time */

/* What the last sensitive method returned (javacardx.security.SensitiveResult). */
struct mm_api_result {
    char type;      /* L, Z, S (a byte, too); 0: unassigned */
    uint16_t value; /* cell */
    uint32_t entry; /* the entry into Java it belongs to */
};

#define MM_API_FRESH 16

struct mm_api {
    struct mm_vm *vm;
    struct mm_api_apdu apdu;
    mm_ref secure_channel, global_pin; /* permanent entry points */
    struct {
        mm_comp comp;
        mm_ref ref;
    } entries[MM_API_ENTRIES]; /* registry entries that were asked for */
    size_t entry_n;
    struct mm_api_aid {
        struct mm_aid aid;
        mm_ref ref;
    } * aids; /* of the JCRE's AID objects */
    size_t aid_n, aid_cap;
    bool aids_read;
    size_t global_array_n;
    struct mm_api_op *ops;
    size_t op_n;
    uint16_t op_at[MM_API_OP_HINTS]; /* where the operation of a ref was last, by its low bits */
    EVP_MAC *cmac, *hmac;
    EVP_CIPHER *ciphers[MM_EVP_CIPHERS];
    EVP_MD *mds[MM_API_MDS];
    struct mm_api_shot {
        mm_ref ref;
        const char *class_name, *state_class; /* static */
        bool open;
        mm_comp context; /* that opened it */
    } shots[MM_API_SHOTS];
    OSSL_LIB_CTX *legacy; /* for SEED; its providers are unloaded with it */
    OSSL_PROVIDER *legacy_provider;
    uint8_t *scratch; /* output of a cipher on its way to the applet's array */
    size_t scratch_len;
    struct mm_own_channel *own_channels; /* gp_scp_session.c */
    struct mm_api_result result;
    struct mm_api_fresh {
        mm_ref ref;
        uint32_t entry;
    } fresh[MM_API_FRESH]; /* objects exported in a transaction, the latest */
    size_t fresh_n;
    bool full_output; /* BasicService: a length of 256 was set, in this entry into Java */
    uint32_t full_output_entry;
};

static inline struct mm_api *mm_api_of(struct mm_vm *vm)
{
    return mm_vm_api_state(vm);
}

/* ---- Throwing ---- */
enum mm_run mm_api_throw_system(struct mm_vm *vm, uint16_t reason);
enum mm_run mm_api_throw_crypto(struct mm_vm *vm, uint16_t reason);
enum mm_run mm_api_throw_iso(struct mm_vm *vm, uint16_t sw);
enum mm_run mm_api_null(struct mm_vm *vm); /* NullPointerException */

/* ---- tries.c: what may be tried so many times (api.h says in which cells); class_name has them ---- */
enum mm_run mm_api_tries_set(struct mm_vm *vm, mm_ref obj, const char *class_name, uint16_t tries);
enum mm_run mm_api_tries_use(struct mm_vm *vm, mm_ref obj, const char *class_name); /* one */
enum mm_run mm_api_tries_refill(struct mm_vm *vm, mm_ref obj, const char *class_name);

/* ---- Arrays ---- */
/* Check a byte array argument for writing, without looking at its contents. */
enum mm_run mm_api_room(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n);
/* Check and write in one. */
enum mm_run mm_api_put(struct mm_vm *vm, mm_ref array, int32_t off, const uint8_t *data, size_t n);
/* What was put together, and give it back; out of memory: SystemException NO_RESOURCE. */
enum mm_run mm_api_put_buf(struct mm_vm *vm, mm_ref array, int32_t off, struct mm_buf *buf);
/* Where a result of out_len bytes may be written at once: into a volatile array, its range checked
 * before, that has none of the input data. When same allows it, input in the way that is as long as the
 * result is moved to where that goes, and *data is there then: so all that may be refused must have
 * been before. NULL: through a buffer and mm_api_put. */
uint8_t *mm_api_in_place(struct mm_vm *vm, mm_ref array, uint16_t off, const uint8_t **data,
                         size_t len, size_t out_len, bool same);
/* The bytes of a hidden byte[] or boolean[] (key material, PIN); NULL when there is none. */
const uint8_t *mm_api_hidden_bytes(struct mm_vm *vm, mm_ref array, size_t *n);

/* ---- AID ---- */
/* The JCRE's AID object for these bytes; MM_REF_NULL when there is no room for another. */
mm_ref mm_api_aid_object(struct mm_vm *vm, const struct mm_aid *aid);
void mm_api_aid_gone(struct mm_api *api, mm_ref ref);
bool mm_api_aid_get(struct mm_vm *vm, mm_ref ref, struct mm_aid *aid);

/* ---- Keys ---- */
bool mm_api_key_ready(struct mm_vm *vm, mm_ref key);
/* op takes the key, which is ready: remember its material. False: out of memory. */
bool mm_api_key_take(struct mm_vm *vm, struct mm_api_op *op, mm_ref key);
/* Are all parts of the key that op took still set? */
bool mm_api_key_still_ready(struct mm_vm *vm, const struct mm_api_op *op);
/* Is it the key that op took, with the same value? */
bool mm_api_key_same(struct mm_vm *vm, const struct mm_api_op *op, mm_ref key);

void mm_api_shots_close(struct mm_vm *vm);

/* ---- Operations ---- */
/* The operation of ref, made when there is none; NULL: out of memory. */
struct mm_api_op *mm_api_op(struct mm_vm *vm, mm_ref ref);
struct mm_api_op *mm_api_op_search(struct mm_api *api, mm_ref ref);
static inline struct mm_api_op *mm_api_op_find(struct mm_vm *vm, mm_ref ref)
{
    struct mm_api *api = mm_api_of(vm);
    size_t at = api->op_at[ref % MM_API_OP_HINTS];

    return at < api->op_n && api->ops[at].ref == ref ? &api->ops[at] : mm_api_op_search(api, ref);
}
void mm_api_op_clear(struct mm_api_op *op); /* free its contexts; keeps ref */
void mm_api_ops_clear(struct mm_api *api);
/* Instance of an internal class whose hidden cell 0, of class state_class, is the algorithm. */
enum mm_run mm_api_new_algorithm(struct mm_vm *vm, const char *class_name, const char *state_class,
                                 uint16_t alg, uint16_t *ret);
/* Begin anew: what op held is dropped. On a refusal op is not initialised. */
struct mm_api_op *mm_api_op_new(struct mm_vm *vm, mm_ref ref);

/* ---- What init was told, kept in the object (kept.c) ---- */
/* op was initialised with its key and mode and this IV: for a card reset to go back to. class_name
 * is the internal class with the cells; an object of another (a OneShot) keeps nothing. Writes only
 * what differs. When it throws, op is not initialised. */
enum mm_run mm_api_keep(struct mm_vm *vm, struct mm_api_op *op, const char *class_name,
                        const uint8_t *iv, size_t iv_len);
/* Begin an operation of ref with key, mode and IV (NULL: without); throws what init would. */
typedef enum mm_run (*mm_api_begin)(struct mm_vm *vm, mm_ref ref, mm_ref key, int mode,
                                    const uint8_t *iv, size_t iv_len);
/* The operation of ref; after a card reset begin makes it again from what is kept. *op NULL: the
 * object was never initialised. */
enum mm_run mm_api_kept_again(struct mm_vm *vm, mm_ref ref, const char *class_name,
                              mm_api_begin begin, struct mm_api_op **op);
static inline enum mm_run mm_api_kept_op(struct mm_vm *vm, mm_ref ref, const char *class_name,
                                         mm_api_begin begin, struct mm_api_op **op)
{
    *op = mm_api_op_find(vm, ref);
    return *op != NULL ? MM_RUN_OK : mm_api_kept_again(vm, ref, class_name, begin, op);
}

/* OneShot.open: a temporary entry point of the class, from a small pool; close gives it back. */
enum mm_run mm_api_one_shot_open(struct mm_vm *vm, const char *class_name, const char *state_class,
                                 uint16_t alg, uint16_t *ret);

/* Run fn and store what it returned, of this type: MM_RESULT of natives.def. */
enum mm_run mm_api_keep_result(struct mm_vm *vm, mm_native fn, char type, const uint16_t *args,
                               uint16_t *ret);

/* ---- The digest of an operation: op->plain or op->md (digest.c) ---- */
/* Make it and begin a message; MessageDigest.ALG_... False: out of memory. */
bool mm_api_hash_new(struct mm_vm *vm, struct mm_api_op *op, unsigned alg);
bool mm_api_hash_again(struct mm_api_op *op); /* drops the message, begins another */
bool mm_api_hash_update(struct mm_api_op *op, const uint8_t *data, size_t len);
/* mm_api_md_len bytes; the next message begins with mm_api_hash_again. */
bool mm_api_hash_final(struct mm_api_op *op, uint8_t *md);

/* ---- A digest in OpenSSL's plain structures (digest_plain.c) ---- */
bool mm_api_plain_offered(unsigned alg); /* MessageDigest.ALG_...; not SHA-3 */
/* op->plain begins a message; it is made when op has none. False: out of memory. */
bool mm_api_plain_start(struct mm_api_op *op, unsigned alg);
bool mm_api_plain_again(struct mm_api_plain *p); /* begins another message */
/* setInitialDigest(digest, off, len, digestedMsgLen, off, len): op->plain goes on from there. */
enum mm_run mm_api_plain_set(struct mm_vm *vm, struct mm_api_op *op, unsigned alg,
                             const uint16_t *args);
/* False: the message would be longer than the algorithm takes. */
bool mm_api_plain_update(struct mm_api_plain *p, const uint8_t *data, size_t len);
bool mm_api_plain_final(struct mm_api_plain *p, uint8_t *md);
void mm_api_plain_free(struct mm_api_plain **plain);
/* HMAC with those. The key is copied into op->hmac, which is ready for a message; false: out of memory. */
bool mm_api_hmac_new(struct mm_api_op *op, unsigned alg, const uint8_t *key, size_t len);
void mm_api_hmac_start(struct mm_api_hmac *h);
bool mm_api_hmac_update(struct mm_api_hmac *h, const uint8_t *data, size_t len);
/* As many bytes as the digest has; then ready for the next message. */
bool mm_api_hmac_final(struct mm_api_hmac *h, uint8_t *mac);
void mm_api_hmac_free(struct mm_api_hmac **hmac);

/* ---- OpenSSL's algorithms ---- */
EVP_MD *mm_api_md(struct mm_vm *vm, unsigned alg); /* MessageDigest.ALG_...; NULL: not offered */
uint8_t mm_api_md_len(unsigned alg);               /* bytes of the digest of one that is */
/* key_len matters for AES only. Borrowed; NULL: OpenSSL does not have it. */
EVP_CIPHER *mm_api_cipher(struct mm_vm *vm, enum mm_api_cipher_id id, size_t key_len);
/* A buffer of the API's own, good until the next call; NULL: out of memory. */
uint8_t *mm_api_scratch(struct mm_vm *vm, size_t len);
void mm_api_evp_release(struct mm_api *api);

/* ---- org.globalplatform ---- */
#define MM_SW_OK            0x9000 /* of mm_gp_services */
#define MM_SW_CONDITIONS    0x6985
#define MM_SW_NOT_SUPPORTED 0x6A81
/* The applet that called: methods of a JCRE entry point may run in the JCRE's own context. */
mm_comp mm_gp_caller(struct mm_vm *vm);
const struct mm_gp_services *mm_gp(struct mm_vm *vm);
/* mm_vm_bytes for the objects of this package, which are shareable: their methods run in the JCRE's
 * context, that may touch everything, and its caller may not. SecurityException unless the array is a
 * global one or, where these are allowed, of the caller's context. */
enum mm_gp_arrays { MM_GP_GLOBAL, MM_GP_ACCESSIBLE };
enum mm_run mm_gp_bytes(struct mm_vm *vm, enum mm_gp_arrays allowed, mm_ref array, int32_t off,
                        int32_t n, const uint8_t **data);
/* mm_api_put, so restricted. */
enum mm_run mm_gp_put(struct mm_vm *vm, mm_ref array, int32_t off, const uint8_t *data, size_t n);
/* The object of a registry entry. Throws NO_RESOURCE when there are too many. */
enum mm_run mm_gp_entry_object(struct mm_vm *vm, mm_comp comp, uint16_t *ret);
/* The component of an entry object. */
mm_comp mm_gp_entry_of(struct mm_vm *vm, mm_ref ref);
/* An entry by AID, null: the caller's own; null when there is none for this caller to see. */
enum mm_run mm_gp_find_entry(struct mm_vm *vm, mm_ref aid_ref, uint8_t privilege, uint16_t *ret);
/* What an entry object stands for; one that went reads as empty. */
void mm_gp_read_entry(struct mm_vm *vm, mm_ref ref, struct mm_gp_registered *out);
/* Throws ISOException unless sw is 9000. */
enum mm_run mm_gp_result(struct mm_vm *vm, uint16_t sw);
/* What is behind the methods of SecureChannel: the domain's channel, or one with keys of an applet's
 * own (gp_scp.c), and who called. */
struct mm_sc {
    void *ctx;
    mm_comp owner;
    const struct mm_sc_ops *ops;
};
/* One command for the channel, in any array: off, len of it; the answer goes to out, out_off. */
enum mm_run mm_gp_process(struct mm_vm *vm, mm_ref channel, mm_ref in, int off, int len, mm_ref out,
                          int out_off, uint16_t *ret);

/* ---- Natives ---- */
#define MM_STATE(cls, cells, refs)
#define MM_INTERNAL(cls, super, interfaces)
#define MM_RESULT(cls, name, descriptor)
#define MM_NATIVE(cls, name, descriptor, fn)                                                       \
    enum mm_run fn(struct mm_vm *vm, const uint16_t *args, uint16_t *ret);
#include "applet_vm/api/natives.def"
#undef MM_STATE
#undef MM_INTERNAL
#undef MM_RESULT
#undef MM_NATIVE

#endif
