/* Inside the API module: the volatile state, helpers of the natives, and every native's prototype. */
#ifndef MM_API_INT_H
#define MM_API_INT_H

#include "applet_vm/api/api.h"

#include <openssl/evp.h>

#define MM_CLASS_RUNTIME "javacard/framework/CardRuntimeException"
#define MM_CLASS_CHECKED "javacard/framework/CardException"

/* Java arguments are 16-bit cells. */
#define MM_ARG_SHORT(i) ((int16_t)args[i])
#define MM_ARG_BYTE(i)  ((int8_t)args[i])

#define MM_TYPE_BOOLEAN_ARRAY 10
#define MM_TYPE_BYTE_ARRAY    11
#define MM_TYPE_SHORT_ARRAY   12

/* Reasons of exceptions, as the API names them. */
enum {
    MM_SYSTEM_ILLEGAL_VALUE = 1,
    MM_SYSTEM_NO_TRANSIENT_SPACE = 2,
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
    MM_APDU_INITIAL = 0,
    MM_APDU_PARTIAL_INCOMING = 1,
    MM_APDU_FULL_INCOMING = 2,
    MM_APDU_OUTGOING = 3,
    MM_APDU_OUTGOING_LENGTH_KNOWN = 4,
    MM_APDU_PARTIAL_OUTGOING = 5,
    MM_APDU_FULL_OUTGOING = 6
};

struct mm_api_apdu {
    mm_ref ref, buffer; /* JCRE entry point and global array, temporary both */
    bool active;        /* between begin and end */
    enum mm_apdu_state state;
    uint8_t channel;
    const uint8_t *body; /* borrowed from the card */
    size_t body_len, body_off;
    uint32_t le;
    bool has_le;
    size_t out_len; /* announced by setOutgoingLength */
    struct mm_buf out;
};

/* A cryptographic operation in progress, by the object that does it; gone at reset. */
struct mm_api_op {
    mm_ref ref; /* 0: free */
    mm_ref key;
    uint8_t alg, mode;
    bool iv_given;
    uint8_t iv[16];
    EVP_MAC_CTX *mac;
    EVP_MD_CTX *md;
    EVP_CIPHER_CTX *cipher;
    EVP_PKEY *pkey;
    uint8_t last[16]; /* CBC-MAC: the last block of ciphertext */
    size_t fed;       /* bytes since init, modulo the block */
};

#define MM_API_AIDS          64 /* AID objects of a power-on session; one per AID that is asked for */
#define MM_API_GLOBAL_ARRAYS 8

struct mm_api {
    struct mm_vm *vm;
    struct mm_api_apdu apdu;
    mm_ref secure_channel;
    struct {
        struct mm_aid aid;
        mm_ref ref;
    } aids[MM_API_AIDS];
    size_t aid_n;
    size_t global_array_n;
    bool own_tx;    /* the open transaction was begun by beginTransaction */
    bool nested_tx; /* beginTransaction inside the one that the VM opened around install */
    struct mm_api_op *ops;
    size_t op_n;
    EVP_MAC *cmac;
};

struct mm_api *mm_api_of(struct mm_vm *vm);

/* ---- Throwing ---- */
enum mm_run mm_api_throw_system(struct mm_vm *vm, uint16_t reason);
enum mm_run mm_api_throw_crypto(struct mm_vm *vm, uint16_t reason);
enum mm_run mm_api_throw_iso(struct mm_vm *vm, uint16_t sw);
enum mm_run mm_api_null(struct mm_vm *vm); /* NullPointerException */

/* ---- Arrays ---- */
/* Check a byte array argument for writing, without looking at its contents. */
enum mm_run mm_api_room(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n);
/* Check and write in one. */
enum mm_run mm_api_put(struct mm_vm *vm, mm_ref array, int32_t off, const uint8_t *data, size_t n);
/* The bytes of a hidden byte[] or boolean[] (key material, PIN); NULL when there is none. */
const uint8_t *mm_api_hidden_bytes(struct mm_vm *vm, mm_ref array, size_t *n);

/* ---- AID ---- */
/* The JCRE's AID object for these bytes; MM_REF_NULL when there is no room for another. */
mm_ref mm_api_aid_object(struct mm_vm *vm, const struct mm_aid *aid);
bool mm_api_aid_get(struct mm_vm *vm, mm_ref ref, struct mm_aid *aid);

/* ---- Keys ---- */
bool mm_api_key_ready(struct mm_vm *vm, mm_ref key);
/* Bytes of an AES key, borrowed; NULL when key is no AES key or has no value. */
const uint8_t *mm_api_aes_key(struct mm_vm *vm, mm_ref key, size_t *len);
/* An EC key for OpenSSL, owned by the caller; NULL when it is none or its values make no key. */
EVP_PKEY *mm_api_ec_key(struct mm_vm *vm, mm_ref key, bool private_key);

/* ---- Operations ---- */
/* The operation of ref, made when there is none; NULL: out of memory. */
struct mm_api_op *mm_api_op(struct mm_vm *vm, mm_ref ref);
struct mm_api_op *mm_api_op_find(struct mm_vm *vm, mm_ref ref);
void mm_api_op_clear(struct mm_api_op *op); /* free its contexts; keeps ref */
void mm_api_ops_clear(struct mm_api *api);
/* Instance of an internal class whose hidden cell 0, of class state_class, is the algorithm. */
enum mm_run mm_api_new_algorithm(struct mm_vm *vm, const char *class_name, const char *state_class,
                                 uint8_t alg, uint16_t *ret);
const EVP_MD *mm_api_md(uint8_t alg); /* MessageDigest.ALG_...; NULL: not offered */

/* ---- Natives ---- */
#define MM_STATE(cls, cells, refs)
#define MM_INTERNAL(cls, super, interfaces)
#define MM_NATIVE(cls, name, descriptor, fn)                                                       \
    enum mm_run fn(struct mm_vm *vm, const uint16_t *args, uint16_t *ret);
#include "applet_vm/api/natives.def"
#undef MM_STATE
#undef MM_INTERNAL
#undef MM_NATIVE

#endif
