/*
 * Request bodies. The first byte chooses the call, the rest is its body. A call that is refused must
 * leave the books closed and say why; no body may end the process.
 */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "/v1/challenge", "/v1/load/begin",  "/v1/load/settle", "/v1/pay/settle",
    "/v1/manage",    "/v1/manage/next", "/v1/manage/done", "/v1/evidence",
};

static struct mm_platform *platform;
static X509 *cert;
static char dir[] = "/tmp/mm-fuzz-platform-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void clean(void)
{
    mm_platform_close(&platform);
    X509_free(cert);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int64_t fixed_clock(void *ctx)
{
    (void)ctx;
    return 1800000000;
}

/* One platform with one terminal for the whole run. */
static void set_up(void)
{
    struct mm_terminal terminal = {.name = "till"};
    EVP_PKEY *key = NULL;

    mm_log_setup("fuzz", false, false);
    if (mkdtemp(dir) == NULL || mm_platform_init(dir, "fuzz", NULL) != MM_OK ||
        mm_platform_open(dir, fixed_clock, NULL, &platform, NULL) != MM_OK ||
        mm_ca_new_key(&key, NULL) != MM_OK ||
        mm_ca_issue(MM_CERT_TERMINAL, "till", key, platform->ca, platform->ca_key, &cert, NULL) !=
            MM_OK ||
        mm_ca_serial(cert, terminal.serial) != MM_OK ||
        mm_store_terminal_add(platform->store, &terminal, 1, NULL) != MM_OK)
        abort();
    EVP_PKEY_free(key);
    atexit(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_request req = {.method = "POST", .content_type = "application/json"};
    struct mm_reply reply;
    json_t *answer;

    if (platform == NULL)
        set_up();
    if (size == 0)
        return 0;
    req.path = paths[data[0] % (sizeof(paths) / sizeof(paths[0]))];
    if (strcmp(req.path, "/v1/evidence") == 0)
        req.content_type = "application/eat+cwt";
    req.peer = cert;
    req.body = data + 1;
    req.body_len = size - 1;
    mm_platform_handle(platform, &req, &reply);
    answer = json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    if (!json_is_object(answer) || (reply.status != 200 && reply.status / 100 != 4) ||
        (reply.status != 200 && !json_is_string(json_object_get(answer, "message"))))
        abort();
    json_decref(answer);
    mm_buf_clear(&reply.body);
    return 0;
}
