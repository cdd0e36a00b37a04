/* The card as a whole: its image and its power. */
#include "applet_vm/card/card_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

enum mm_status mm_card_random(struct mm_card *card, uint8_t *out, size_t out_len)
{
    if (card->cfg.random != NULL)
        return card->cfg.random(card->cfg.random_ctx, out, out_len);
    return RAND_bytes(out, (int)out_len) == 1 ? MM_OK : MM_CRYPTO;
}

uint16_t mm_card_failure(const char *what, enum mm_status st)
{
    mm_log("error", "card-failure", "%s: %s", what, mm_status_text(st));
    return st == MM_NO_MEMORY ? MM_SW_6A84_FILE_FULL : MM_SW_6581_MEMORY_FAILURE;
}

/* ---- A new image ---- */
/* What the chip speaks: scp[0] with the test keys, scp[1] with key sets of the other type. */
static enum mm_status choose_scp(const struct mm_card_config *cfg, struct mm_card_scp scp[2])
{
    scp[0] = (struct mm_card_scp){3, MM_SCP03_R_MAC | MM_SCP03_R_ENC};
    if (cfg->scp_n > 2 || (cfg->scp_n == 2 && cfg->scp[0].protocol == cfg->scp[1].protocol))
        return MM_USAGE;
    for (size_t i = 0; i < cfg->scp_n; i++) {
        scp[i] = cfg->scp[i];
        if (!mm_scp_known(scp[i].protocol, scp[i].i))
            return MM_USAGE;
    }
    if (cfg->scp_n < 2)
        scp[1] =
            scp[0].protocol == 3
                ? (struct mm_card_scp){2, 0x55}
                : (struct mm_card_scp){3, MM_SCP03_PSEUDO_RANDOM | MM_SCP03_R_MAC | MM_SCP03_R_ENC};
    return MM_OK;
}

static enum mm_status write_test_keys(struct mm_nvm *nvm, const struct mm_card_scp *scp)
{
    struct mm_key_set set;
    enum mm_status st;

    mm_key_set_init(&set, 0, 0xff);
    set.scp_i = scp->i;
    st = mm_key_set_put_channel(&set, scp->protocol == 2 ? MM_KEY_DES : MM_KEY_AES,
                                &mm_scp_test_keys);
    if (st == MM_OK)
        st = mm_key_set_store(nvm, &set);
    mm_key_set_clear(&set);
    return st;
}

static enum mm_status write_platform(const struct mm_card_config *cfg, struct mm_nvm *nvm,
                                     enum mm_profile profile)
{
    struct mm_card who = {.cfg = *cfg};
    uint8_t record[MM_PLATFORM_LEN] = {MM_PLATFORM_FORMAT, (uint8_t)profile};
    struct mm_card_scp scp[2];
    enum mm_status st = choose_scp(cfg, scp);

    if (st == MM_OK)
        st = mm_card_random(&who, record + MM_PLATFORM_CHIP_ID, MM_CHIP_ID_LEN);
    for (size_t i = 0; i < 2 && st == MM_OK; i++)
        record[scp[i].protocol == 2 ? MM_PLATFORM_SCP02_I : MM_PLATFORM_SCP03_I] = scp[i].i;
    mm_put_be16(record + MM_PLATFORM_NEXT, 1);
    record[MM_PLATFORM_STATE] =
        profile == MM_PROFILE_PAYMENT ? MM_STATE_CARD_SECURED : MM_STATE_CARD_OP_READY;
    if (st == MM_OK)
        st = mm_rec_new(nvm, MM_KEY_PLATFORM, 0, sizeof(record));
    if (st == MM_OK)
        st = mm_rec_write(nvm, MM_KEY_PLATFORM, 0, record, sizeof(record));
    if (st == MM_OK)
        st = write_test_keys(nvm, &scp[0]);
    return st;
}

enum mm_status mm_card_init(const struct mm_card_config *cfg, enum mm_profile profile,
                            struct mm_err *err)
{
    struct mm_nvm_config image = cfg->nvm;
    struct mm_nvm *nvm = NULL;
    struct mm_card_scp scp[2];
    enum mm_status st = choose_scp(cfg, scp);

    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "a secure channel protocol that is none, or one twice");
    image.layout = mm_layout_of(mm_api_packages());
    st = mm_nvm_create(&image, &nvm, err);
    if (st != MM_OK)
        return st;
    st = write_platform(cfg, nvm, profile);
    if (st == MM_OK)
        st = mm_nvm_promise(nvm);
    if (st != MM_OK)
        mm_fail(err, st, SIZE_MAX, "cannot write the new image: %s", mm_status_text(st));
    mm_nvm_close(&nvm);
    return st;
}

/* ---- Open and close ---- */

/* A platform record that cannot be read means the stricter profile and no identity. */
static void read_platform(struct mm_card *card)
{
    size_t len = 0;
    const uint8_t *record = mm_rec_data(card->nvm, MM_KEY_PLATFORM, &len);

    card->profile = MM_PROFILE_PAYMENT;
    if (record == NULL || len < MM_PLATFORM_LEN)
        return;
    if (record[MM_PLATFORM_PROFILE] == MM_PROFILE_DEVELOPER)
        card->profile = MM_PROFILE_DEVELOPER;
    memcpy(card->chip_id, record + MM_PLATFORM_CHIP_ID, MM_CHIP_ID_LEN);
}

static bool measured_entry(void *ctx, size_t index, struct mm_measured *out)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = NULL, *package;

    memset(out, 0, sizeof(*out));
    /* A supplementary domain has no code and no objects, a suspended instance no code and no root: there
     * is nothing to measure. */
    for (size_t i = 0; i < card->registry.n && e == NULL; i++) {
        e = &card->registry.entries[i];
        if (e->kind == MM_COMP_DOMAIN || mm_reg_suspended(e) || index-- != 0)
            e = NULL;
    }
    if (e == NULL)
        return false;
    out->comp = e->comp;
    out->kind = e->kind;
    out->aid = e->aid;
    out->major = e->major;
    out->minor = e->minor;
    out->life_cycle = mm_reg_state(&card->registry, e);
    memcpy(out->privileges, e->privileges, sizeof(out->privileges));
    if (e->kind == MM_COMP_APPLET) {
        package = mm_reg_comp(&card->registry, e->package);
        if (package != NULL)
            out->package = package->aid;
        out->module = e->module_aid;
        out->package_comp = e->package;
        out->applet = e->applet;
        out->install_params = e->params;
        out->install_params_len = e->params_len;
    }
    return true;
}

static enum mm_status delete_for_integrity(void *ctx, const struct mm_aid *aid)
{
    return mm_content_delete_applet(ctx, aid);
}

static enum mm_status integrity_random(void *ctx, uint8_t *out, size_t out_len)
{
    return mm_card_random(ctx, out, out_len);
}

static enum mm_status open_nvm(struct mm_card *card, struct mm_err *err)
{
    enum mm_status st;

    card->cfg.nvm.layout = mm_layout_of(mm_api_packages());
    if (card->cfg.nvm.path != NULL)
        return mm_nvm_open(&card->cfg.nvm, &card->nvm, err);
    st = mm_nvm_create(&card->cfg.nvm, &card->nvm, err);
    return st == MM_OK ? write_platform(&card->cfg, card->nvm, MM_PROFILE_DEVELOPER) : st;
}

/* A virtual machine over the image as it is. */
static enum mm_status build_vm(struct mm_card *card, struct mm_vm **out, struct mm_err *err)
{
    struct mm_vm_config cfg = {.nvm = card->nvm,
                               .rom = mm_api_packages(),
                               .services = &card->services,
                               .step_budget = card->cfg.step_budget};
    enum mm_status st = mm_vm_new(&cfg, out, err);

    if (st != MM_OK)
        return st;
    st = mm_api_init(*out);
    if (st != MM_OK) {
        mm_vm_free(out);
        return mm_fail(err, st, SIZE_MAX, "cannot start the API: %s", mm_status_text(st));
    }
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind == MM_COMP_APPLET)
            mm_vm_applet_bind(*out, e->comp, e->package);
    }
    return MM_OK;
}

void mm_card_undo_content(struct mm_card *card)
{
    struct mm_vm *vm = NULL;
    struct mm_err err = {0};

    mm_vm_tx_abort(card->vm);
    mm_reg_load(&card->registry);
    if (build_vm(card, &vm, &err) != MM_OK) {
        mm_log("error", "vm-rebuild", "the old tables stay until the next reset: %s", err.text);
        return;
    }
    mm_vm_transients_take(vm, card->vm);
    mm_vm_free(&card->vm);
    card->vm = vm;
    card->personal_data = card->personal_answer = MM_REF_NULL; /* they were the old one's */
    mm_quota_apply(card);
    mm_integrity_vm_set(card->integrity, vm);
}

/* Image, virtual machine, integrity: each stands on the one before. */
static enum mm_status build(struct mm_card *card, struct mm_err *err)
{
    struct mm_integrity_config integrity = {.ctx = card,
                                            .entry = measured_entry,
                                            .delete_applet = delete_for_integrity,
                                            .random = integrity_random,
                                            .chip_id = card->chip_id};
    enum mm_status st = open_nvm(card, err);

    if (st != MM_OK)
        return st;
    read_platform(card);
    if (card->cfg.no_verify && card->profile != MM_PROFILE_DEVELOPER)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "a chip of the payment profile verifies what it loads");
    card->registry.nvm = card->nvm;
    mm_reg_load(&card->registry);
    mm_services_init(card);
    st = build_vm(card, &card->vm, err);
    if (st != MM_OK)
        return st;
    mm_quota_apply(card);
    mm_card_atr_make(card);
    integrity.nvm = card->nvm;
    integrity.vm = card->vm;
    integrity.has_gate = card->profile == MM_PROFILE_PAYMENT;
    return mm_integrity_new(&integrity, &card->integrity, err);
}

enum mm_status mm_card_open(const struct mm_card_config *cfg, struct mm_card **out,
                            struct mm_err *err)
{
    struct mm_card *card = calloc(1, sizeof(*card));
    enum mm_status st;

    *out = NULL;
    if (card == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "no memory for the card");
    card->cfg = *cfg;
    mm_buf_init(&card->out);
    mm_buf_init(&card->work);
    mm_buf_init(&card->envelope.whole);
    card->channel = &card->channels[0];
    for (size_t i = 0; i < MM_CHANNEL_N; i++) {
        mm_buf_init(&card->channels[i].loading.file);
        mm_buf_init(&card->channels[i].storing.data);
        mm_buf_init(&card->channels[i].rest);
    }
    st = build(card, err);
    if (st != MM_OK) {
        mm_card_close(&card);
        return st;
    }
    *out = card;
    return MM_OK;
}

void mm_card_close(struct mm_card **card)
{
    struct mm_card *c = *card;

    if (c == NULL)
        return;
    for (size_t i = 0; i < MM_CHANNEL_N; i++) {
        c->channel = &c->channels[i];
        mm_channel_close(c);
    }
    mm_integrity_free(&c->integrity);
    mm_vm_free(&c->vm);
    mm_nvm_close(&c->nvm);
    mm_buf_clear(&c->out);
    mm_buf_clear(&c->work);
    mm_buf_clear(&c->envelope.whole);
    free(c);
    *card = NULL;
}

/* ---- Power ---- */
static void to_rest(struct mm_card *card)
{
    if (mm_tx_active(card->nvm))
        mm_vm_tx_abort(card->vm);
    for (size_t i = 0; i < MM_CHANNEL_N; i++) {
        card->channel = &card->channels[i];
        mm_channel_close(card); /* a reset runs no deselect() (JCRE 3.0.5, 3.6) */
    }
    card->channel = &card->channels[0];
    card->channel->open = true;
    card->selecting = card->reselecting = card->installing = false;
    card->upgrade = NULL;
    card->cvm_submitted = card->cvm_verified = false;
    mm_envelope_drop(card);
    card->volatile_priority = 0;
    mm_vm_reset(card->vm);
    mm_api_reset(card->vm);
    mm_integrity_reset(card->integrity);
}

void mm_card_reset(struct mm_card *card)
{
    to_rest(card);
    card->on = true;
    mm_select_default(card);
}

void mm_card_power_on(struct mm_card *card)
{
    mm_card_atr_make(card);
    mm_card_reset(card);
}

void mm_card_power_off(struct mm_card *card)
{
    to_rest(card);
    card->on = false;
}
