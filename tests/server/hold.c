/*
 * hold DB : take the write lock of a dataset, print "held", and keep it until standard input ends.
 */
#include "corpus/corpus.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct error error = {ERROR_NONE, "usage: hold DB"};
    struct corpus *c = argc == 2 ? corpus_open(argv[1], CORPUS_WRITE, &error) : NULL;
    if (c == NULL || corpus_begin(c, &error) != 0) {
        fprintf(stderr, "hold: %s\n", error.text);
        corpus_close(c);
        return 1;
    }
    printf("held\n");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    corpus_close(c);
    return 0;
}
