#include "train/hooks.h"

#include "core/command.h"
#include "core/mem.h"

#include <string.h>

enum { LIMIT_MS = 10 * 60 * 1000, OUTPUT_MAX = 1 << 16 };

static void say_lines(const struct hook *h, struct buf *out)
{
    char *at = mem_strdup(buf_text(out)), *all = at, *end;
    for (; *at != '\0'; at = end) {
        end = strchr(at, '\n');
        if (end == NULL)
            end = at + strlen(at);
        else
            *end++ = '\0';
        h->say(h->context, at);
    }
    mem_free(all);
}

void hooks_run(const struct hook *h)
{
    const size_t n = json_count(h->words);
    struct buf input = BUF_MAX(OUTPUT_MAX), out = BUF_MAX(OUTPUT_MAX), line = BUF_MAX(1024);
    struct error error = {ERROR_NONE, ""};
    char **argv;
    int status;
    if (json_type(h->words) != JSON_ARRAY || n == 0)
        return;
    argv = mem_zero(n + 1, sizeof *argv);
    for (size_t i = 0; i < n; i++)
        argv[i] = mem_strdup(json_text(json_at(h->words, i), ""));
    json_write(h->event, 0, &input);
    buf_char(&input, '\n');
    status = command_run(argv, buf_view(&input), LIMIT_MS, &out, &error);
    say_lines(h, &out);
    if (status != 0) {
        if (status < 0)
            buf_printf(&line, "hook %s: %s; the run goes on", argv[0], error.text);
        else
            buf_printf(&line, "hook %s: exit status %d; the run goes on", argv[0], status);
        h->say(h->context, buf_text(&line));
    }
    for (size_t i = 0; i < n; i++)
        mem_free(argv[i]);
    mem_free(argv);
    buf_free(&input);
    buf_free(&out);
    buf_free(&line);
}
