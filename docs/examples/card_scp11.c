/*
 * What is on a card that knows a host by its certificate (SCP11a), and that shows one itself.
 *
 *     cc card_scp11.c $(pkg-config --cflags --libs mintmark-gp) -o card_scp11
 *     ./card_scp11 READER HOST.key HOST.pem CARDS-CA.pem
 */
#include <mintmark_gp.h>
#include <stdio.h>

static void count(void *ctx, const struct mintmark_gp_entry *entry)
{
    (void)entry;
    ++*(size_t *)ctx;
}

int main(int argc, char **argv)
{
    struct mintmark_gp_scp11 how = {.variant = 'a'};
    struct mintmark_gp *gp = NULL;
    enum mintmark_gp_status st;
    size_t n = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: card_scp11 READER HOST.key HOST.pem CARDS-CA.pem\n");
        return MINTMARK_GP_USAGE;
    }
    how.host_key = argv[2];
    how.host_certificates = argv[3];
    how.card_ca = argv[4];
    how.ca_id = 0x10; /* the key on the card that the host's certificate is checked with */
    st = mintmark_gp_connect(argv[1], &gp);
    if (st == MINTMARK_GP_OK)
        st = mintmark_gp_open_scp11(gp, &how);
    if (st == MINTMARK_GP_OK)
        st = mintmark_gp_list(gp, count, &n);
    if (st == MINTMARK_GP_OK)
        printf("%zu entries\n", n);
    else
        fprintf(stderr, "card_scp11: %s\n", mintmark_gp_error(gp));
    mintmark_gp_disconnect(&gp);
    return (int)st;
}
