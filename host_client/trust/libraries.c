/*
 * The libraries of a program, found as the dynamic loader would find them (ld.so(8), --list): the
 * loader maps them and runs none of their code. The program may have been changed by an enemy, so
 * before the loader sees it: its interpreter has to be the one this process was itself started with,
 * and it may not ask for an auditing library, whose code would run even then (rtld-audit(7)).
 */
#include "host_client/trust/trust_int.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIST_MS     5000
#define LIST_MAX    65536
#define LIBS_MAX    512
#define PROGRAM_MAX (256u << 20)

/* Read whole, not mapped: a file cut short under a mapping would kill the process that looks. */
struct elf {
    uint8_t *data; /* owned */
    size_t len;
};

/* Program header of one type; false when there is none. *bad: the file is not sound. */
static bool segment(const struct elf *e, uint32_t type, Elf64_Phdr *out, bool *bad)
{
    Elf64_Ehdr h;

    *bad = true;
    if (e->len < sizeof(h))
        return false;
    memcpy(&h, e->data, sizeof(h));
    if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
        h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_phentsize != sizeof(*out) || h.e_phoff > e->len ||
        (e->len - h.e_phoff) / sizeof(*out) < h.e_phnum)
        return false;
    *bad = false;
    for (size_t i = 0; i < h.e_phnum; i++) {
        memcpy(out, e->data + h.e_phoff + i * sizeof(*out), sizeof(*out));
        if (out->p_type != type)
            continue;
        *bad = out->p_offset > e->len || out->p_filesz > e->len - out->p_offset;
        return !*bad;
    }
    return false;
}

/* The interpreter a program names; "" for a static one. */
static bool interpreter(const struct elf *e, char out[PATH_MAX])
{
    Elf64_Phdr ph;
    bool bad;

    out[0] = '\0';
    if (!segment(e, PT_INTERP, &ph, &bad))
        return !bad;
    if (ph.p_filesz < 2 || ph.p_filesz > PATH_MAX || e->data[ph.p_offset + ph.p_filesz - 1] != '\0')
        return false;
    memcpy(out, e->data + ph.p_offset, ph.p_filesz);
    return strlen(out) == ph.p_filesz - 1;
}

static bool asks_for_audit(const struct elf *e)
{
    Elf64_Phdr ph;
    bool bad;

    if (!segment(e, PT_DYNAMIC, &ph, &bad))
        return bad;
    for (size_t i = 0; i + sizeof(Elf64_Dyn) <= ph.p_filesz; i += sizeof(Elf64_Dyn)) {
        Elf64_Dyn d;
        memcpy(&d, e->data + ph.p_offset + i, sizeof(d));
        if (d.d_tag == DT_AUDIT || d.d_tag == DT_DEPAUDIT)
            return true;
    }
    return false;
}

static enum mm_status elf_check(const char *path, char loader[PATH_MAX], struct mm_err *err)
{
    char own[PATH_MAX] = "";
    struct elf e;
    bool good;
    enum mm_status st = mm_file_read("/proc/self/exe", PROGRAM_MAX, &e.data, &e.len, err);

    if (st != MM_OK)
        return st;
    good = interpreter(&e, own);
    free(e.data);
    st = mm_file_read(path, PROGRAM_MAX, &e.data, &e.len, err);
    if (st != MM_OK)
        return st;
    if (!good || !interpreter(&e, loader))
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: not a program of this machine (ELF)", path);
    else if (loader[0] != '\0' && strcmp(loader, own) != 0)
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "%s: its loader is not the system's %s", path, own);
    else if (asks_for_audit(&e))
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "%s: loads an auditing library", path);
    free(e.data);
    return st;
}

/* ---- Asking the loader ---- */

static enum mm_status spawn_loader(const char *loader, const char *program, int out_fd, pid_t *pid)
{
    char list[] = "--list";
    char *argv[] = {(char *)loader, list, (char *)program, NULL};
    char *envp[] = {NULL}; /* nothing of our environment may bend the search */
    posix_spawn_file_actions_t fa;
    int r;

    if (posix_spawn_file_actions_init(&fa) != 0)
        return MM_NO_MEMORY;
    r = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&fa, out_fd, 1);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn(pid, loader, &fa, NULL, argv, envp);
    posix_spawn_file_actions_destroy(&fa);
    return r == 0 ? MM_OK : MM_IO;
}

/* All the loader says, NUL-terminated; false on time-out or too much. */
static bool read_list(int fd, struct mm_buf *text)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint8_t chunk[4096];
    ssize_t n;

    for (;;) {
        int r = poll(&p, 1, LIST_MS);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || text->len > LIST_MAX)
            return false;
        if (n == 0)
            break;
        mm_buf_bytes(text, chunk, (size_t)n);
    }
    mm_buf_u8(text, 0);
    return !text->bad;
}

static enum mm_status run_loader(const char *loader, const char *program, struct mm_buf *text)
{
    int fds[2], status = -1;
    pid_t pid;
    bool good;
    enum mm_status st;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return MM_IO;
    st = spawn_loader(loader, program, fds[1], &pid);
    close(fds[1]);
    if (st != MM_OK) {
        close(fds[0]);
        return st;
    }
    good = read_list(fds[0], text);
    close(fds[0]);
    if (!good)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return good && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? MM_OK : MM_FAILED;
}

static enum mm_status add(struct trust_libraries *out, const char *path, size_t len)
{
    char **more = realloc(out->paths, (out->n + 1) * sizeof(*more));

    if (more == NULL)
        return MM_NO_MEMORY;
    out->paths = more;
    more[out->n] = strndup(path, len);
    if (more[out->n] == NULL)
        return MM_NO_MEMORY;
    out->n++;
    return MM_OK;
}

/* "\tname => /path (0x…)", "\t/path (0x…)"; without a path (the kernel's own): "\tname (0x…)". */
static enum mm_status line_read(const char *line, struct trust_libraries *out)
{
    const char *arrow = strstr(line, " => ");
    const char *path = arrow != NULL ? arrow + 4 : line + strspn(line, "\t ");
    const char *end = strstr(path, " (0x");

    if (arrow != NULL && (path[0] != '/' || end == NULL))
        return MM_NOT_FOUND;
    if (path[0] != '/')
        return MM_OK;
    if (end == NULL || out->n == LIBS_MAX)
        return MM_MALFORMED;
    return add(out, path, (size_t)(end - path));
}

enum mm_status trust_libraries_list(const char *executable, struct trust_libraries *out,
                                    struct mm_err *err)
{
    char loader[PATH_MAX], program[PATH_MAX];
    struct mm_buf text;
    char *line, *save = NULL;
    enum mm_status st = elf_check(executable, loader, err);

    *out = (struct trust_libraries){0};
    if (st != MM_OK || loader[0] == '\0')
        return st; /* a static program has no libraries */
    /* A name without a slash would be looked for where libraries are. */
    if (realpath(executable, program) == NULL)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", executable, strerror(errno));
    mm_buf_init(&text);
    st = run_loader(loader, program, &text);
    if (st != MM_OK)
        (void)mm_fail(err, st, SIZE_MAX, "%s: the loader cannot list its libraries", executable);
    line = st == MM_OK ? strtok_r((char *)text.data, "\n", &save) : NULL;
    for (; line != NULL && st == MM_OK; line = strtok_r(NULL, "\n", &save)) {
        st = line_read(line, out);
        if (st != MM_OK)
            (void)mm_fail(err, st, SIZE_MAX, "%s: library not found:%s", executable, line);
    }
    mm_buf_clear(&text);
    if (st != MM_OK)
        trust_libraries_clear(out);
    return st;
}

void trust_libraries_clear(struct trust_libraries *libs)
{
    for (size_t i = 0; i < libs->n; i++)
        free(libs->paths[i]);
    free(libs->paths);
    *libs = (struct trust_libraries){0};
}
