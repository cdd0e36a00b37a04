#include "host_client/pay/pay.h"

int main(int argc, char **argv)
{
    return mm_pay_main(argc, argv, stdin, stdout);
}
