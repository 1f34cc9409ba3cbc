/* A folder of its own for each test, removed at its end. */
#ifndef TESTS_CORPUS_SCRATCH_H
#define TESTS_CORPUS_SCRATCH_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/mem.h"

#include <signal.h>
#include <stdlib.h>

struct scratch {
    char folder[32];
    struct arena arena;
};

static inline int scratch_set_up(void **state)
{
    struct scratch *s = mem_zero(1, sizeof *s);
    struct buf name = BUF;
    buf_str(&name, "/tmp/retort-test-XXXXXX");
    for (size_t i = 0; i <= name.len; i++)
        s->folder[i] = name.data[i];
    buf_free(&name);
    *state = s;
    return mkdtemp(s->folder) != NULL ? 0 : -1;
}

static inline int scratch_tear_down(void **state)
{
    struct scratch *s = *state;
    int rc = file_remove_tree(s->folder, NULL);
    arena_free(&s->arena);
    mem_free(s);
    return rc;
}

static inline const char *scratch_folder(void **state)
{
    return ((struct scratch *)*state)->folder;
}

/* Valid until the end of the test. */
static inline const char *scratch_path(void **state, const char *name)
{
    struct scratch *s = *state;
    char *path = file_join(s->folder, name);
    char *copy = arena_strdup(&s->arena, path);
    mem_free(path);
    return copy;
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)

#endif
