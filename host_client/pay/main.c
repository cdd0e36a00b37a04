#include <signal.h>
#include "host_client/pay/pay.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a platform that is gone is an error with a sentence, not our end */
    return mm_pay_main(argc, argv, stdin, stdout);
}
