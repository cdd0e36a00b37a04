/*
 * Power-on of a chip image: until the first SELECT of an applet is answered, everything made from the
 * image anew; and what memory one chip takes. Not a test: prints and ends.
 *
 *     bench_start IMAGE AID
 */
#include <string.h>
#include <unistd.h>

#include "applet_vm/card/card.h"
#include "test/bench/bench.h"

#define STARTS 51

/* Resident pages of this process, in KiB. */
static long resident(void)
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2)
        pages = 0;
    if (file != NULL)
        (void)fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct mm_card *start(const char *path, const uint8_t *select, size_t len)
{
    struct mm_card_config cfg = {.nvm = {.path = path}};
    struct mm_card *card = NULL;
    struct mm_err err = {0};
    uint8_t answer[300];
    size_t answer_len = sizeof(answer);

    bench_must(mm_card_open(&cfg, &card, &err) == MM_OK, err.text);
    mm_card_power_on(card);
    mm_card_transmit(card, select, len, answer, &answer_len);
    bench_must(answer_len >= 2 && mm_be16(answer + answer_len - 2) == 0x9000, "SELECT");
    return card;
}

int main(int argc, char **argv)
{
    uint8_t select[5 + MM_AID_MAX] = {0x00, 0xA4, 0x04, 0x00};
    size_t aid_len = MM_AID_MAX;
    double ms[STARTS];
    long before = resident(), one = 0;

    bench_must(argc == 3 && mm_unhex(argv[2], select + 5, &aid_len) == MM_OK,
               "usage: bench_start IMAGE AID");
    select[4] = (uint8_t)aid_len;
    for (size_t i = 0; i < STARTS; i++) {
        double from = bench_now();
        struct mm_card *card = start(argv[1], select, 5 + aid_len);

        ms[i] = (bench_now() - from) / 1e6;
        if (i == 0)
            one = resident();
        mm_card_close(&card);
    }
    qsort(ms, STARTS, sizeof(ms[0]), bench_order);
    printf("power-on to the first SELECT answered: best %.2f ms, median %.2f ms of %d\n", ms[0],
           ms[STARTS / 2], STARTS);
    printf("resident memory with one chip: %ld KiB, %ld KiB before it\n", one, before);
    return 0;
}
