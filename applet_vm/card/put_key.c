/*
 * PUT KEY (GPCS 2.3.1, 11.8; Amendment D, 7.2): key data fields in the basic and the extended format, and
 * which set they go into.
 */
#include "applet_vm/card/card_int.h"

#include "applet_vm/base/ber.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define KVN_TEST                                                                                   \
    0xff /* version of the initial test keys: replaced by the first channel set added */
#define KVN_MAX     0x7f
#define KVN_CHANNEL 0x6f /* above are versions with a purpose: tokens 70, receipts 71, DAP 73.. */
#define ID_MAX      0x7f
#define CHANNEL_N   3
#define SETS_MAX    16 /* of one domain: a load of key sets must not fill the chip */
#define KCV_LEN     MM_SCP_KCV_LEN

static uint16_t load_set(const struct mm_nvm *nvm, mm_comp domain, uint8_t version,
                         struct mm_key_set *set)
{
    enum mm_status st = mm_key_set_load(nvm, domain, version, set);

    if (st == MM_NOT_FOUND)
        return MM_SW_6A88_DATA_NOT_FOUND;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
}

/* ---- Key data fields (GPCS 11.8.2.3) ---- */
enum kind { KIND_UNKNOWN, KIND_DES, KIND_AES, KIND_SECRET, KIND_PUBLIC };

/* What a component is: only public ones come in clear. */
static enum kind kind_of(uint8_t type)
{
    switch (type) {
    case MM_KEY_DES:
    case MM_KEY_TDES_CBC:
    case MM_KEY_DES_ECB:
    case MM_KEY_DES_CBC:
        return KIND_DES;
    case MM_KEY_AES:
        return KIND_AES;
    case MM_KEY_PSK_TLS:
    case MM_KEY_HMAC:
    case MM_KEY_HMAC_160:
    case MM_KEY_EC_PRIVATE:
        return KIND_SECRET;
    case MM_KEY_RSA_E:
    case MM_KEY_RSA_N:
    case MM_KEY_EC_PUBLIC:
    case MM_KEY_EC_CURVE:
        return KIND_PUBLIC;
    default:
        return KIND_UNKNOWN;
    }
}

static bool length_fits(uint8_t type, size_t len)
{
    switch (kind_of(type)) {
    case KIND_DES:
        return len == 16 || len == 24;
    case KIND_AES:
        return len == 16 || len == 24 || len == 32;
    case KIND_SECRET:
        return len > 0 && len <= 128;
    case KIND_PUBLIC:
        return len > 0 && len <= MM_KEY_RSA_MAX;
    case KIND_UNKNOWN:
        break;
    }
    return false;
}

/* A key being read; its values are in plain, one behind the other. */
struct reading {
    const struct mm_scp *scp;
    struct mm_rd rd;
    struct mm_domain_key key;
    bool extended;
    uint8_t plain[1024];
    size_t plain_len;
};

/*
 * A secret component is encrypted under the DEK, either whole blocks (the key's length is theirs) or,
 * with a length of its own before it, padded to whole blocks (Amendment D, 7.2).
 */
static uint16_t reveal(struct reading *r, const uint8_t *value, size_t len, size_t *key_len)
{
    size_t block = mm_scp_block(r->scp->protocol);
    struct mm_rd rd;

    *key_len = len;
    if (len % block != 0) {
        mm_rd_init(&rd, value, len);
        *key_len = mm_ber_len(&rd);
        len = mm_rd_left(&rd);
        value = mm_rd_bytes(&rd, len);
        if (rd.bad || len % block != 0 || *key_len > len)
            return MM_SW_6A80_WRONG_DATA;
    }
    if (len == 0 || len > sizeof(r->plain) - r->plain_len)
        return MM_SW_6A80_WRONG_DATA;
    return mm_scp_data(r->scp, false, value, len, r->plain + r->plain_len) == MM_OK
               ? MM_SW_9000_NO_ERROR
               : MM_SW_6581_MEMORY_FAILURE;
}

static uint16_t read_part(struct reading *r, uint8_t type)
{
    struct mm_key_part *part = &r->key.parts[r->key.part_n];
    size_t len, key_len;
    const uint8_t *value;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    if (r->extended)
        type = mm_rd_u8(&r->rd);
    len = r->extended ? mm_rd_u16(&r->rd) : mm_card_field_len(&r->rd);
    value = mm_rd_bytes(&r->rd, len);
    if (r->rd.bad || r->key.part_n == MM_KEY_PARTS_MAX)
        return MM_SW_6A80_WRONG_DATA;
    key_len = len;
    if (kind_of(type) == KIND_UNKNOWN)
        return MM_SW_9484_ALGORITHM_NOT_SUPPORTED;
    if (kind_of(type) != KIND_PUBLIC)
        sw = reveal(r, value, len, &key_len);
    else if (len > sizeof(r->plain) - r->plain_len)
        sw = MM_SW_6A80_WRONG_DATA;
    else
        memcpy(r->plain + r->plain_len, value, len);
    if (sw == MM_SW_9000_NO_ERROR && !length_fits(type, key_len))
        sw = MM_SW_6A80_WRONG_DATA;
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    *part = (struct mm_key_part){type, (uint16_t)key_len, r->plain + r->plain_len};
    r->plain_len += key_len;
    r->key.part_n++;
    return sw;
}

/* The check value that a symmetric key has, and is answered with. */
static uint16_t check_value(struct reading *r, struct mm_buf *answer)
{
    uint8_t kcv[KCV_LEN], given_len = mm_rd_u8(&r->rd);
    const uint8_t *given = mm_rd_bytes(&r->rd, given_len);
    const struct mm_key_part *part = &r->key.parts[0];
    enum kind kind = kind_of(part->type);
    enum mm_status st;

    if (r->rd.bad || (given_len != 0 && given_len != KCV_LEN))
        return MM_SW_6A80_WRONG_DATA;
    if (kind != KIND_DES && kind != KIND_AES) /* no value is defined for it (GPCS B.5) */
        return MM_SW_9000_NO_ERROR;
    st = kind == KIND_DES ? mm_scp_des_kcv(part->value, part->len, kcv)
                          : mm_scp_kcv(part->value, part->len, kcv);
    if (st != MM_OK)
        return MM_SW_6581_MEMORY_FAILURE;
    if (given_len != 0 && CRYPTO_memcmp(kcv, given, sizeof(kcv)) != 0)
        return MM_SW_9485_INVALID_KEY_CHECK_VALUE;
    mm_buf_bytes(answer, kcv, sizeof(kcv));
    return MM_SW_9000_NO_ERROR;
}

/* Extended format: usage qualifier of 1 or 2 bytes, access of 1, each with its length. */
static uint16_t read_qualifiers(struct reading *r)
{
    uint8_t usage_len = mm_rd_u8(&r->rd), access_len;
    const uint8_t *usage = mm_rd_bytes(&r->rd, usage_len), *access;

    access_len = mm_rd_u8(&r->rd);
    access = mm_rd_bytes(&r->rd, access_len);
    if (r->rd.bad || usage_len > sizeof(r->key.usage) || access_len > 1 ||
        (access_len == 1 && access[0] > MM_KEY_ACCESS_APPLICATION))
        return MM_SW_6A80_WRONG_DATA;
    r->key.usage_len = usage_len;
    if (usage_len > 0)
        memcpy(r->key.usage, usage, usage_len);
    r->key.access = access_len == 1 ? access[0] : MM_KEY_ACCESS_ALL;
    return MM_SW_9000_NO_ERROR;
}

/* One symmetric component, or an asymmetric key that is one. */
static uint16_t check_whole(const struct mm_domain_key *key)
{
    EVP_PKEY *pkey = NULL;
    enum mm_status st;

    for (size_t i = 0; i < key->part_n; i++) {
        enum kind kind = kind_of(key->parts[i].type);
        bool alone = kind != KIND_PUBLIC && key->parts[i].type != MM_KEY_EC_PRIVATE;
        if (alone && key->part_n > 1)
            return MM_SW_6A80_WRONG_DATA;
        if (alone)
            return MM_SW_9000_NO_ERROR;
    }
    st = mm_key_pkey(key, &pkey);
    EVP_PKEY_free(pkey);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : MM_SW_6A80_WRONG_DATA;
}

/* The next key data field. Types have their high bit, lengths of check values do not. */
static uint16_t read_key(struct reading *r, uint8_t id, struct mm_buf *answer)
{
    uint16_t sw = MM_SW_9000_NO_ERROR;

    memset(&r->key, 0, sizeof(r->key));
    r->plain_len = 0;
    r->key.id = id;
    r->extended = mm_rd_left(&r->rd) > 0 && r->rd.data[r->rd.off] == MM_KEY_EXTENDED;
    while (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&r->rd) > 0 && (r->rd.data[r->rd.off] & 0x80)) {
        uint8_t type = mm_rd_u8(&r->rd);
        sw = r->extended != (type == MM_KEY_EXTENDED) ? MM_SW_6A80_WRONG_DATA : read_part(r, type);
    }
    if (sw == MM_SW_9000_NO_ERROR && r->key.part_n == 0)
        sw = MM_SW_6A80_WRONG_DATA;
    if (sw == MM_SW_9000_NO_ERROR)
        sw = check_whole(&r->key);
    if (sw == MM_SW_9000_NO_ERROR)
        sw = check_value(r, answer);
    if (sw == MM_SW_9000_NO_ERROR && r->extended)
        sw = read_qualifiers(r);
    return sw;
}

/* ---- PUT KEY ---- */
#define P1_MORE    0x80
#define P2_SEVERAL 0x80

/* Adding keys (P1 00) or replacing those of a version. */
struct putting {
    uint8_t replaced, version, first_id;
    bool several;
    uint8_t n;             /* keys that came */
    struct mm_key_set set; /* as it will be */
};

/* The set that the keys go into, as it is now. */
static uint16_t choose_set(const struct mm_nvm *nvm, mm_comp domain, struct putting *p)
{
    if (p->version == 0 || p->version > KVN_MAX)
        return MM_SW_6A80_WRONG_DATA;
    if (p->replaced != 0) {
        if (p->version != p->replaced && mm_key_set_exists(nvm, domain, p->version))
            return MM_SW_6A80_WRONG_DATA; /* a version is given once (GPCS 11.8.2.1) */
        return load_set(nvm, domain, p->replaced, &p->set);
    }
    if (mm_key_set_exists(nvm, domain, p->version))
        return load_set(nvm, domain, p->version, &p->set);
    mm_key_set_init(&p->set, domain, p->version);
    return mm_key_set_version(nvm, domain, SETS_MAX - 1) != 0 ? MM_SW_6A84_FILE_FULL
                                                              : MM_SW_9000_NO_ERROR;
}

/* A key that is added was not there, one that is replaced was. */
static uint16_t take_key(struct putting *p, const struct mm_domain_key *key)
{
    struct mm_domain_key old;
    bool there = mm_key_set_find(&p->set, key->id, &old);
    enum mm_status st;

    if (p->replaced != 0 && !there)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (p->replaced == 0 && there)
        return MM_SW_6A80_WRONG_DATA;
    st = mm_key_set_put(&p->set, key);
    if (st == MM_TOO_LONG)
        return MM_SW_6A84_FILE_FULL;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
}

static uint16_t take_keys(struct mm_card *card, struct putting *p, struct mm_rd *rd)
{
    struct reading r = {.scp = &card->channel->session.scp, .rd = *rd};
    uint16_t sw = MM_SW_9000_NO_ERROR;

    do {
        unsigned id = p->first_id + p->n;
        sw = id > ID_MAX ? MM_SW_6A80_WRONG_DATA : read_key(&r, (uint8_t)id, &card->out);
        if (sw == MM_SW_9000_NO_ERROR)
            sw = take_key(p, &r.key);
        p->n++;
    } while (sw == MM_SW_9000_NO_ERROR && p->several && mm_rd_left(&r.rd) > 0);
    if (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&r.rd) != 0)
        sw = MM_SW_6A80_WRONG_DATA;
    OPENSSL_cleanse(&r, sizeof(r));
    return sw;
}

/* Keys 1 to 3 of a channel are of one type and length; what is not whole yet may still come. */
static bool channel_agrees(const struct mm_key_set *set)
{
    struct mm_domain_key first, key;

    if (set->version > KVN_CHANNEL)
        return true;
    for (uint8_t id = 1, seen = 0; id <= CHANNEL_N; id++) {
        if (!mm_key_set_find(set, id, &key))
            continue;
        if (seen++ == 0)
            first = key;
        if (key.parts[0].type != first.parts[0].type || key.parts[0].len != first.parts[0].len)
            return false;
    }
    return true;
}

/* New keys start the sequence counter anew (GPCS E.1.2.1), and a set that is for another protocol than
 * before gets the chip's parameter for it. */
static void refresh_channel(const struct mm_card *card, struct putting *p, uint8_t old_protocol)
{
    uint8_t protocol = mm_key_set_protocol(&p->set);

    if (p->first_id > CHANNEL_N)
        return;
    p->set.sequence = 0;
    if (protocol != old_protocol)
        p->set.scp_i = mm_session_default_i(card, protocol);
}

/* The domain's test keys go when a set of one's own that opens the channel comes. */
static enum mm_status store(struct mm_card *card, struct putting *p)
{
    struct mm_key_set test;
    struct mm_scp_keys keys;
    bool whole = mm_key_set_channel(&p->set, &keys) == MM_OK && p->version <= KVN_CHANNEL;
    enum mm_status st;

    OPENSSL_cleanse(&keys, sizeof(keys));
    p->set.version = p->version;
    if (!whole || p->replaced != 0 || !mm_key_set_exists(card->nvm, p->set.domain, KVN_TEST))
        return mm_key_set_store(card->nvm, &p->set);
    st = mm_key_set_load(card->nvm, p->set.domain, KVN_TEST, &test);
    mm_key_set_clear(&test);
    if (st != MM_OK && st != MM_TAMPERED)
        return st;
    if (p->set.record == 0) { /* in their place, which is the first: the default stays it */
        p->set.record = test.record;
        return mm_key_set_store(card->nvm, &p->set);
    }
    st = mm_tx_begin(card->nvm);
    if (st == MM_OK)
        st = mm_key_set_delete(card->nvm, &test);
    if (st == MM_OK)
        st = mm_key_set_store(card->nvm, &p->set);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st != MM_OK && mm_tx_active(card->nvm))
        mm_tx_abort(card->nvm);
    return st;
}

static uint16_t put_key(struct mm_card *card, uint8_t p1, uint8_t p2, const uint8_t *data,
                        size_t data_len)
{
    struct putting p = {.replaced = p1, .first_id = p2 & ID_MAX, .several = (p2 & P2_SEVERAL) != 0};
    mm_comp domain = mm_domain_current(card);
    uint8_t old_protocol;
    struct mm_rd rd;
    uint16_t sw;
    enum mm_status st;

    mm_key_set_init(&p.set, domain, 0);
    mm_rd_init(&rd, data, data_len);
    p.version = mm_rd_u8(&rd);
    sw = rd.bad ? MM_SW_6A80_WRONG_DATA : choose_set(card->nvm, domain, &p);
    old_protocol = mm_key_set_protocol(&p.set);
    mm_buf_u8(&card->out, p.version);
    if (sw == MM_SW_9000_NO_ERROR)
        sw = take_keys(card, &p, &rd);
    /* Under another version only all keys of the set can go, for the others keep theirs. */
    if (sw == MM_SW_9000_NO_ERROR &&
        ((p.replaced != 0 && p.version != p.replaced && mm_key_set_n(&p.set) != p.n) ||
         !channel_agrees(&p.set)))
        sw = MM_SW_6A80_WRONG_DATA;
    if (sw == MM_SW_9000_NO_ERROR) {
        refresh_channel(card, &p, old_protocol);
        st = store(card, &p);
        sw = st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("keys", st);
    }
    mm_key_set_clear(&p.set);
    return sw;
}

/* P1: 80 more of the command follows, version to replace, 00 adds. P2: 80 several keys, identifier of
 * the first. Data that come in several commands are put together and looked at when the last has come. */
uint16_t mm_isd_put_key(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_session *s = &card->channel->session;
    bool goes_on = s->key_data.len > 0;
    uint8_t p1 = apdu->p1 & (uint8_t)~P1_MORE;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    if (goes_on && (p1 != s->key_p1 || apdu->p2 != s->key_p2))
        sw = MM_SW_6A86_INCORRECT_P1P2;
    s->key_p1 = p1;
    s->key_p2 = apdu->p2;
    mm_buf_bytes(&s->key_data, apdu->data, apdu->data_len);
    if (s->key_data.bad || s->key_data.len > MM_KEY_SET_MAX)
        sw = MM_SW_6A84_FILE_FULL;
    if (sw == MM_SW_9000_NO_ERROR && (apdu->p1 & P1_MORE))
        return sw;
    if (sw == MM_SW_9000_NO_ERROR)
        sw = put_key(card, p1, apdu->p2, s->key_data.data, s->key_data.len);
    mm_buf_clear(&s->key_data);
    return sw;
}
