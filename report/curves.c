#include "report/curves.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"

#include <math.h>
#include <string.h>

enum { MAX_LINE = 1 << 20 };

void curves_add(struct curve *c, double x, double y)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    c->x = vec_reserve(c->x, &c->cap_x, c->n + 1, sizeof *c->x);
    c->y = vec_reserve(c->y, &c->cap_y, c->n + 1, sizeof *c->y);
    c->x[c->n] = x;
    c->y[c->n++] = y;
}

void curves_line(struct curves *c, const struct json *line)
{
    double step = json_number(json_get(line, "step"), (double)NAN);
    curves_add(&c->loss, step, json_number(json_get(line, "loss"), (double)NAN));
    curves_add(&c->held_out, step, json_number(json_get(line, "held_out_loss"), (double)NAN));
    curves_add(&c->tokens_per_s, step, json_number(json_get(line, "tokens_per_s"), (double)NAN));
}

static int read_file(struct curves *c, const char *path)
{
    struct file_lines *f = file_exists(path) ? file_lines_open(path, MAX_LINE, NULL) : NULL;
    struct slice line;
    if (f == NULL)
        return 0;
    while (file_lines_next(f, &line, NULL) == 1) {
        struct json *json = json_parse(line, 0, NULL);
        curves_line(c, json);
        json_free(json);
    }
    file_lines_close(f);
    return 1;
}

int curves_read(struct curves *c, const char *checkpoint)
{
    char *folder = mem_strdup(checkpoint);
    int found = 0;
    for (int up = 0; up < 3 && !found; up++) {
        char *path = file_join(folder, "metrics.jsonl");
        char *above = file_dir(folder);
        found = read_file(c, path);
        mem_free(path);
        mem_free(folder);
        folder = above;
    }
    mem_free(folder);
    return found;
}

static void clear(struct curve *c)
{
    mem_free(c->x);
    mem_free(c->y);
}

void curves_clear(struct curves *c)
{
    clear(&c->loss);
    clear(&c->held_out);
    clear(&c->tokens_per_s);
    memset(c, 0, sizeof *c);
}
