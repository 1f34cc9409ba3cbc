#include "core/version.h"

#include <stdio.h>

int main(void)
{
    printf("retort %s\n", RETORT_VERSION);
    return 0;
}
