/*
 * embed FILE... > embedded.c
 *
 * Turns the files of schemas/ into one C table, so that the binary carries them and runs from
 * any folder.  The table is declared in core/embedded.h.
 */
#include <stdio.h>

static int embed_one(const char *path, int index)
{
    FILE *in = fopen(path, "rb");
    int c, column = 0;
    if (in == NULL) {
        perror(path);
        return -1;
    }
    printf("static const unsigned char file_%d[] = {\n", index);
    while ((c = getc(in)) != EOF)
        printf("%d,%s", c, ++column % 24 == 0 ? "\n" : "");
    printf("0};\n");
    fclose(in);
    return 0;
}

int main(int argc, char **argv)
{
    printf("#include \"core/embedded.h\"\n");
    for (int i = 1; i < argc; i++)
        if (embed_one(argv[i], i) != 0)
            return 1;
    printf("const struct embedded_file embedded_files[] = {\n");
    for (int i = 1; i < argc; i++)
        printf("{\"%s\", (const char *)file_%d, sizeof file_%d - 1},\n", argv[i], i, i);
    printf("{0, 0, 0}};\n");
    return 0;
}
