/*
 * javacardx.external: two memories in software.
 *   MIFARE          one for the chip, as a contactless half would have it: 64 blocks of 16 bytes,
 *                   one record of the image. Access is by the 8-byte password of transport keys.
 *                   Block 0 (the manufacturer's) is read only, sector trailers (every fourth block)
 *                   are not accessible, as their keys are what the password stands for.
 *   EXTENDED_STORE  a store of its own for each access object, up to 1 MiB, in byte arrays of the
 *                   applet.
 * Neither takes part in transactions: such memory is outside the Java Card runtime.
 */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <string.h>

#define NO_SUCH_SUBSYSTEM   1
#define INVALID_PARAM       2
#define INTERNAL_ERROR      3
#define TYPE_MIFARE         1
#define TYPE_EXTENDED_STORE 2

#define MIFARE_RECORD 0x20000u /* key of the record, platform component */
#define MIFARE_BLOCK  16
#define MIFARE_BLOCKS 64
#define MIFARE_SECTOR 4 /* blocks; the last is the trailer */
#define PASSWORD_LEN  8
#define STORE_CLASS   "mintmark/ExtendedStore"
#define STORE_MAX     0x100000u
#define STORE_CHUNK   0x4000u
#define TYPE_REFS     14
enum { STORE_CHUNKS, STORE_HIGH, STORE_LOW, STORE_CELLS };

/* The password that stands for sector keys FF FF FF FF FF FF. */
static const uint8_t password[PASSWORD_LEN] = {0x0B, 0x54, 0x57, 0x07, 0x45, 0xFE, 0x3A, 0xE7};

static enum mm_run external_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacardx/external/ExternalException", reason);
}

/* A range of a byte array; all that is wrong with it, but the firewall, is INVALID_PARAM. */
static enum mm_run range(struct mm_vm *vm, const uint16_t *args, int len, const uint8_t **data)
{
    struct mm_obj_info info = {0};
    int off = MM_ARG_SHORT(1);

    if (args[0] == MM_REF_NULL || !mm_vm_object(vm, args[0], &info) || off < 0 || len < 0 ||
        off + len > info.n)
        return external_failed(vm, INVALID_PARAM);
    return mm_vm_bytes(vm, args[0], off, len, data);
}

/* ---- Access objects ---- */

static enum mm_run store_new(struct mm_vm *vm, uint32_t size, uint16_t *ret)
{
    uint16_t cells[STORE_CELLS] = {0, (uint16_t)(size >> 16), (uint16_t)size};
    uint16_t n = (uint16_t)((size + STORE_CHUNK - 1) / STORE_CHUNK);
    enum mm_run run = MM_RUN_OK;

    cells[STORE_CHUNKS] = mm_vm_new_array(vm, TYPE_REFS, n, MM_PERSISTENT);
    ret[0] = mm_vm_new_instance(vm, STORE_CLASS);
    if (cells[STORE_CHUNKS] == MM_REF_NULL || ret[0] == MM_REF_NULL)
        return external_failed(vm, NO_SUCH_SUBSYSTEM);
    for (uint16_t i = 0; run == MM_RUN_OK && i < n; i++) {
        uint32_t left = size - i * STORE_CHUNK;
        mm_ref chunk =
            mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY,
                            (uint16_t)(left < STORE_CHUNK ? left : STORE_CHUNK), MM_PERSISTENT);
        if (chunk == MM_REF_NULL)
            return external_failed(vm, NO_SUCH_SUBSYSTEM);
        run = mm_vm_array_write(vm, cells[STORE_CHUNKS], i, &chunk, 1, true);
    }
    return run == MM_RUN_OK ? mm_vm_hidden_put(vm, ret[0], STORE_CLASS, cells, STORE_CELLS) : run;
}

static enum mm_run mifare_new(struct mm_vm *vm, uint16_t *ret)
{
    struct mm_nvm *nvm = mm_vm_nvm(vm);

    if (mm_rec_data(nvm, MIFARE_RECORD, NULL) == NULL &&
        mm_rec_new(nvm, MIFARE_RECORD, 0, MIFARE_BLOCK * MIFARE_BLOCKS) != MM_OK)
        return external_failed(vm, NO_SUCH_SUBSYSTEM);
    ret[0] = mm_vm_new_instance(vm, "mintmark/MifareMemory");
    return ret[0] != MM_REF_NULL ? MM_RUN_OK : external_failed(vm, NO_SUCH_SUBSYSTEM);
}

/* Memory.getMemoryAccessInstance(type, short[] size, sizeOff) */
enum mm_run mm_n_external_get(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_obj_info info = {0};
    int type = MM_ARG_BYTE(0), off = MM_ARG_SHORT(2);
    const uint8_t *data;
    uint16_t high, low;
    uint32_t size;
    enum mm_run run;

    if (type == TYPE_MIFARE)
        return mifare_new(vm, ret);
    if (type != TYPE_EXTENDED_STORE)
        return external_failed(vm, NO_SUCH_SUBSYSTEM);
    if (args[1] == MM_REF_NULL || !mm_vm_object(vm, args[1], &info) || off < 0 || off + 2 > info.n)
        return external_failed(vm, INVALID_PARAM);
    run = mm_vm_array(vm, args[1], MM_TYPE_SHORT_ARRAY, off, 2, &data);
    if (run != MM_RUN_OK)
        return run;
    memcpy(&high, data, 2);
    memcpy(&low, data + 2, 2);
    size = (uint32_t)high << 16 | low;
    if (size == 0 || size > STORE_MAX)
        return external_failed(vm, INVALID_PARAM);
    return store_new(vm, size, ret);
}

/* ---- MIFARE: password, sector 0, block ---- */

/* *allowed: the password is right, and the block is one to be read, or to be written. args: key,
 * its offset, its length, sector, block. */
static enum mm_run mifare_access(struct mm_vm *vm, const uint16_t *args, int len, bool writing,
                                 bool *allowed)
{
    int block = MM_ARG_SHORT(4);
    const uint8_t *key;
    enum mm_run run;

    if (MM_ARG_SHORT(2) != PASSWORD_LEN || MM_ARG_SHORT(3) != 0 || block < 0 ||
        block >= MIFARE_BLOCKS || len > MIFARE_BLOCK)
        return external_failed(vm, INVALID_PARAM);
    run = range(vm, args, PASSWORD_LEN, &key);
    if (run != MM_RUN_OK)
        return run;
    *allowed = CRYPTO_memcmp(key, password, PASSWORD_LEN) == 0 &&
               block % MIFARE_SECTOR != MIFARE_SECTOR - 1 && (!writing || block != 0);
    return MM_RUN_OK;
}

/* writeData(src, off, len, key, keyOff, keyLen, sector, block) */
enum mm_run mm_n_mifare_write(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    bool allowed = false;
    enum mm_run run = range(vm, args + 1, len, &data);

    if (run == MM_RUN_OK)
        run = mifare_access(vm, args + 4, len, true, &allowed);
    ret[0] = allowed;
    if (run != MM_RUN_OK || !allowed)
        return run;
    if (mm_rec_write_nonatomic(mm_vm_nvm(vm), MIFARE_RECORD, MIFARE_BLOCK * (size_t)args[8], data,
                               (size_t)len) != MM_OK)
        return external_failed(vm, INTERNAL_ERROR);
    return MM_RUN_OK;
}

/* readData(dest, off, key, keyOff, keyLen, sector, block, len) */
enum mm_run mm_n_mifare_read(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(8);
    const uint8_t *data;
    bool allowed = false;
    enum mm_run run = range(vm, args + 1, len, &data);

    if (run == MM_RUN_OK)
        run = mifare_access(vm, args + 3, len, false, &allowed);
    ret[0] = (uint16_t)(allowed ? len : 0);
    if (run != MM_RUN_OK || !allowed)
        return run;
    data = mm_rec_data(mm_vm_nvm(vm), MIFARE_RECORD, NULL);
    if (data == NULL)
        return external_failed(vm, INTERNAL_ERROR);
    return mm_vm_array_write(vm, args[1], args[2], data + MIFARE_BLOCK * (size_t)args[7],
                             (uint16_t)len, true);
}

/* ---- Extended store: sector and block are one address ---- */

static enum mm_run store_range(struct mm_vm *vm, mm_ref store, uint32_t at, int len)
{
    uint32_t size = (uint32_t)mm_vm_hidden(vm, store, STORE_CLASS, STORE_HIGH) << 16 |
                    mm_vm_hidden(vm, store, STORE_CLASS, STORE_LOW);

    return at <= size && (uint32_t)len <= size - at ? MM_RUN_OK
                                                    : external_failed(vm, INVALID_PARAM);
}

/* The array that holds address at (null: it is gone), and how much of len it has from there on. */
static mm_ref chunk_at(struct mm_vm *vm, mm_ref store, uint32_t at, uint32_t len, uint16_t *n)
{
    uint16_t ref = MM_REF_NULL;
    bool is_ref;
    uint32_t left = STORE_CHUNK - at % STORE_CHUNK;

    *n = (uint16_t)(len < left ? len : left);
    (void)mm_vm_peek_cell(vm, mm_vm_hidden(vm, store, STORE_CLASS, STORE_CHUNKS),
                          (uint16_t)(at / STORE_CHUNK), &ref, &is_ref);
    return ref;
}

/* The key arguments are ignored. */
enum mm_run mm_n_store_write(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint32_t at = (uint32_t)args[7] << 16 | args[8], len = args[3];
    const uint8_t *data;
    uint16_t n;
    enum mm_run run = range(vm, args + 1, MM_ARG_SHORT(3), &data);

    if (run == MM_RUN_OK)
        run = store_range(vm, args[0], at, MM_ARG_SHORT(3));
    for (; run == MM_RUN_OK && len > 0; at += n, len -= n, data += n) {
        mm_ref chunk = chunk_at(vm, args[0], at, len, &n);
        run = chunk == MM_REF_NULL ? external_failed(vm, INTERNAL_ERROR)
                                   : mm_vm_array_write(vm, chunk, (uint16_t)(at % STORE_CHUNK),
                                                       data, n, false);
    }
    ret[0] = 1;
    return run;
}

enum mm_run mm_n_store_read(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint32_t at = (uint32_t)args[6] << 16 | args[7], len = args[8];
    uint16_t off = args[2], n;
    const uint8_t *data;
    enum mm_run run = range(vm, args + 1, MM_ARG_SHORT(8), &data);

    if (run == MM_RUN_OK)
        run = store_range(vm, args[0], at, MM_ARG_SHORT(8));
    for (; run == MM_RUN_OK && len > 0; at += n, len -= n, off = (uint16_t)(off + n)) {
        mm_ref chunk = chunk_at(vm, args[0], at, len, &n);
        run = chunk == MM_REF_NULL
                  ? external_failed(vm, INTERNAL_ERROR)
                  : mm_vm_bytes(vm, chunk, (int32_t)(at % STORE_CHUNK), n, &data);
        if (run == MM_RUN_OK)
            run = mm_vm_array_write(vm, args[1], off, data, n, true);
    }
    ret[0] = args[8];
    return run;
}
