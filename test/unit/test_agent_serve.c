/* The daemon behind its real socket: bad input, many peers, start and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trust_agent/agent_int.h"

#define WAIT_MS 10000

static char dir[64], path[96];
static pid_t daemon_pid;

/* ---- A home ---- */

static void put(const char *name, const void *data, size_t len)
{
    char file[128];

    snprintf(file, sizeof(file), "%s/%s", dir, name);
    assert_int_equal(mm_file_write(file, data, len, 0600, NULL), MM_OK);
}

static void put_pem(const char *name, X509 *cert, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;

    if (cert != NULL)
        assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    else
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &text);
    put(name, text, (size_t)len);
    BIO_free(bio);
}

static void make_home(void)
{
    static const char conf[] = "reader = tcp:127.0.0.1:1\nplatform_url = https://127.0.0.1:1\n"
                               "timeout = 1\ninterval = 60000\n";
    static const char pin[] = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    put_pem("ca.pem", cert, NULL);
    put_pem("release.pem", cert, NULL);
    put_pem("terminal.pem", cert, NULL);
    put_pem("terminal.key", NULL, key);
    put("pairing.key", pin, 32);
    put("platform.pin", pin, strlen(pin));
    put("agent.conf", conf, strlen(conf));
    X509_free(cert);
    EVP_PKEY_free(key);
}

static enum mm_status serve(struct mm_err *err)
{
    struct mm_agent *agent = NULL;
    enum mm_status st = mm_agent_open(dir, &agent, err);

    if (st == MM_OK)
        st = mm_agent_serve(agent, err);
    mm_agent_close(&agent);
    return st;
}

/* ---- Its peers ---- */

static int try_connect(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(addr.sun_path, path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int peer_open(void)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    for (int i = 0; i < WAIT_MS / 5; i++) {
        int fd = try_connect();
        if (fd >= 0)
            return fd;
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("nobody listens at %s", path);
    return -1;
}

static void say(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it has hung up, which the caller will read */
        p += n;
        len -= (size_t)n;
    }
}

/* One answer line; NULL when the daemon hung up. */
static json_t *hear(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char line[65536];
    size_t len = 0;

    for (;;) {
        assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
        if (recv(fd, line + len, 1, 0) <= 0)
            return NULL;
        if (line[len] == '\n')
            break;
        assert_true(++len < sizeof(line));
    }
    return json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
}

static void expect_status(int fd, const char *status)
{
    json_t *answer = hear(fd);

    assert_true(json_is_false(json_object_get(answer, "ok")));
    assert_string_equal(json_string_value(json_object_get(answer, "status")), status);
    assert_true(json_string_length(json_object_get(answer, "error")) > 10);
    json_decref(answer);
}

static void expect_well(int fd)
{
    json_t *answer;

    say(fd, "{\"cmd\":\"status\"}\n", 17);
    answer = hear(fd);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    assert_string_equal(json_string_value(json_object_get(answer, "verdict")), "disabled");
    json_decref(answer);
}

static int up(void **state)
{
    struct mm_err err = {0};

    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/mm-agent-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/agent.sock", dir);
    make_home();
    daemon_pid = fork();
    if (daemon_pid == 0)
        _exit(serve(&err) == MM_OK ? 0 : 1);
    close(peer_open());
    return daemon_pid < 0 ? -1 : 0;
}

/* Exit status of the daemon once it was asked to end. */
static int stop(void)
{
    int status = 0;

    if (daemon_pid <= 0)
        return 0;
    (void)kill(daemon_pid, SIGTERM);
    (void)waitpid(daemon_pid, &status, 0);
    daemon_pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int down(void **state)
{
    static const char *const names[] = {"ca.pem",       "release.pem",  "terminal.pem",
                                        "terminal.key", "platform.pin", "pairing.key",
                                        "agent.conf",   "agent.sock",   "history.json"};
    char file[128];
    int status = stop();

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
        (void)unlink(file); /* some are not made */
    }
    return rmdir(dir) == 0 && status == 0 ? 0 : -1;
}

/* ---- Tests ---- */

static void serve_answers_lines_that_make_no_sense_and_goes_on(void **state)
{
    static const struct {
        const char *line;
        size_t len;
        const char *status;
    } bad[] = {
#define LINE(text, status) {text "\n", sizeof(text), status}
        LINE("", "MALFORMED"),
        LINE("hello", "MALFORMED"),
        LINE("{\"cmd\":", "MALFORMED"),
        LINE("[]", "MALFORMED"),
        LINE("17", "MALFORMED"),
        LINE("{\"cmd\":\"status\",\"cmd\":\"check\"}", "MALFORMED"),
        LINE("{\"cmd\":\"\xff\xfe\"}", "MALFORMED"),
        LINE("{\"cmd\":\"sta\0tus\"}", "MALFORMED"),
        LINE("{}", "MALFORMED"),
        LINE("{\"cmd\":1}", "MALFORMED"),
        LINE("{\"cmd\":\"dance\"}", "USAGE"),
        LINE("{\"token\":\"AAAA\"}", "MALFORMED"),
        LINE("{\"cmd\":\"report\"}", "MALFORMED"),
        LINE("{\"cmd\":\"report\",\"purpose\":\"steal\"}", "MALFORMED"),
        LINE("{\"cmd\":\"report\",\"purpose\":\"pay\"}", "REFUSED"),
#undef LINE
    };
    int fd = peer_open();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        say(fd, bad[i].line, bad[i].len);
        expect_status(fd, bad[i].status);
    }
    expect_well(fd);
    close(fd);
}

static void serve_refuses_json_that_is_nested_too_deep(void **state)
{
    char line[5001];
    int fd = peer_open();

    (void)state;
    memset(line, '[', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\n';
    say(fd, line, sizeof(line));
    expect_status(fd, "MALFORMED");
    expect_well(fd);
    close(fd);
}

static void serve_takes_requests_in_pieces_and_in_one(void **state)
{
    static const char two[] = "{\"cmd\":\"dance\"}\n{\"cmd\":\"events\"}\n";
    int fd = peer_open();
    json_t *answer;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(two); i++)
        say(fd, two + i, 1);
    say(fd, two, sizeof(two) - 1);
    for (int i = 0; i < 2; i++) {
        expect_status(fd, "USAGE");
        answer = hear(fd);
        assert_true(json_is_array(json_object_get(answer, "events")));
        json_decref(answer);
    }
    close(fd);
}

static void serve_hangs_up_on_a_line_without_end_and_serves_the_others(void **state)
{
    static char flood[400000];
    int bad = peer_open(), good = peer_open();

    (void)state;
    memset(flood, 'x', sizeof(flood));
    say(bad, flood, sizeof(flood));
    assert_null(hear(bad));
    expect_well(good);
    close(bad);
    close(good);
}

static void serve_outlives_peers_that_leave_in_the_middle(void **state)
{
    int fd;

    (void)state;
    for (int i = 0; i < 20; i++) { /* fewer than may be there at once */
        fd = peer_open();
        say(fd, "{\"cmd\":\"status\"}\n{\"cm", 21);
        close(fd); /* with an answer on its way */
    }
    fd = peer_open();
    expect_well(fd);
    close(fd);
}

static void serve_turns_the_33rd_peer_away_until_another_leaves(void **state)
{
    int fds[32], more;

    (void)state;
    for (size_t i = 0; i < 32; i++) {
        fds[i] = peer_open();
        expect_well(fds[i]);
    }
    more = peer_open();
    assert_null(hear(more));
    close(more);
    close(fds[0]);
    expect_well(fds[1]); /* the daemon has seen the one before leave by now, or sees it next */
    for (int i = 0; i < 100; i++) {
        json_t *answer;
        more = peer_open();
        say(more, "{\"cmd\":\"events\"}\n", 17);
        answer = hear(more);
        close(more);
        json_decref(answer);
        if (answer != NULL)
            break;
        assert_true(i < 99);
    }
    for (size_t i = 1; i < 32; i++)
        close(fds[i]);
}

static void serve_is_for_its_own_user_and_once_a_home(void **state)
{
    struct stat st;
    struct mm_err err = {0};

    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(serve(&err), MM_BUSY);
    assert_non_null(strstr(err.text, "running already"));
    assert_int_equal(access(path, F_OK), 0);
}

static void serve_ends_cleanly_and_takes_over_a_socket_left_behind(void **state)
{
    struct mm_err err = {0};
    int fd;

    (void)state;
    assert_int_equal(stop(), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    for (int i = 0; i < 2; i++) {
        daemon_pid = fork();
        if (daemon_pid == 0)
            _exit(serve(&err) == MM_OK ? 0 : 1);
        fd = peer_open();
        expect_well(fd);
        close(fd);
        if (i == 0) {
            assert_int_equal(kill(daemon_pid, SIGKILL), 0);
            assert_int_equal(waitpid(daemon_pid, NULL, 0), daemon_pid);
            assert_int_equal(access(path, F_OK), 0);
        }
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(serve_answers_lines_that_make_no_sense_and_goes_on),
        T(serve_refuses_json_that_is_nested_too_deep),
        T(serve_takes_requests_in_pieces_and_in_one),
        T(serve_hangs_up_on_a_line_without_end_and_serves_the_others),
        T(serve_outlives_peers_that_leave_in_the_middle),
        T(serve_turns_the_33rd_peer_away_until_another_leaves),
        T(serve_is_for_its_own_user_and_once_a_home),
        T(serve_ends_cleanly_and_takes_over_a_socket_left_behind),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
