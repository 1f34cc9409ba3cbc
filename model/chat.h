/*
 * Chat templates: a conversation to the text a model was trained on, with the knowledge of which
 * bytes are whose, and from there to ids and a loss mask.
 *
 * A template is Jinja, as model folders carry it (tokenizer_config.json, chat_template.jinja), and
 * is interpreted here, in the subset that chat templates use; what lies outside it is refused by
 * name when the template is compiled.  The built-in templates (chat_template_names) are Jinja too.
 *
 * While a template is evaluated every string remembers where its bytes came from, through +,
 * trim, split, replace …  So after rendering:
 *   - text of the template itself may hold control tokens ("<|im_start|>"); text that came
 *     from a message, a role or a tool never becomes one, whatever it spells;
 *   - the bytes of each reply, and the end-of-turn token behind it, are known exactly: they are
 *     what a student is trained on.
 *
 *     struct chat_template *c = chat_template_load("Qwen2.5-0.5B-Instruct", error);
 *     struct chat_render r = CHAT_RENDER;
 *     chat_render(c, &(struct chat_input){.messages = messages}, &r, error);
 *     chat_encode(tokenizer, scratch, &r, 0, &tokens, error);   // tokens.ids, tokens.mask
 *
 * A compiled template is read-only: any number of threads may render with it.
 */
#ifndef MODEL_CHAT_H
#define MODEL_CHAT_H

#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "core/slice.h"
#include "model/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_template;

/* --- which template --------------------------------------------------------------------- */

/* The template of a model folder: chat_template.jinja, or `chat_template` of
 * tokenizer_config.json (the one named "default" where it is a list).  NULL with ERROR_INPUT that
 * lists the names to declare in the recipe where the folder has none. */
struct chat_template *chat_template_load(const char *dir, struct error *error);
/* A built-in one: chatml, llama2, llama3, gemma, phi3, mistral, deepseek, zephyr, alpaca, plain.
 * NULL with ERROR_USAGE that lists them. */
struct chat_template *chat_template_named(const char *name, struct error *error);
/* Compile Jinja; `name` stands in errors. */
struct chat_template *chat_template_parse(struct slice source, const char *name,
                                          struct error *error);
void chat_template_free(struct chat_template *c);

extern const char *const chat_template_names[]; /* NULL-ended */
/* The built-in name whose form the template has (a folder's ChatML is "chatml"), else "custom". */
const char *chat_template_name(const struct chat_template *c);
struct slice chat_template_source(const struct chat_template *c); /* the Jinja, for the export */
/* Literals that end a turn of the assistant in this template ("<|im_end|>"), rendered with a probe
 * conversation: the stop token for generation_config.json.  False where it has none. */
bool chat_template_end(const struct chat_template *c, const struct tokenizer *t, struct buf *out);

/* --- rendering -------------------------------------------------------------------------- */

struct chat_input {
    const struct json *messages; /* [{"role":…,"content":…}, …]; more keys are passed through */
    const struct json *tools;    /* array, null or NULL */
    const struct json *vars;     /* object of further variables, or NULL; trusted */
    const char *bos, *eos;       /* bos_token, eos_token; NULL leaves them undefined */
    bool generation_prompt;      /* end with the header of a reply still to be written */
    int64_t date_ms;             /* what strftime_now sees, ms since 1970 UTC; 0: 2024-07-26, so
                                    that a render is reproducible */
};

enum chat_kind {
    CHAT_CONTROL, /* of the template: control tokens in it count */
    CHAT_CONTENT, /* of a message, a role or a tool: ordinary text, whatever it spells */
};

/* A run of the text.  The spans cover it, in order. */
struct chat_span {
    size_t begin, end;
    enum chat_kind kind;
    bool supervised; /* part of a reply, or the end of its turn */
    int message; /* index of the message a CHAT_CONTENT or supervised span belongs to, else -1 */
};

/* A reply of the assistant, as byte ranges of the text. */
struct chat_reply {
    int message;
    size_t begin, end;                       /* its content, as the template lets it through */
    size_t supervised_begin, supervised_end; /* with what the template puts between the generation
                                                prompt and it, and with the end-of-turn token */
};

struct chat_render {
    struct buf text;
    struct chat_span *spans;
    size_t n, cap;
    struct chat_reply *replies;
    size_t n_replies, replies_cap;
};
#define CHAT_RENDER ((struct chat_render){.text = {NULL, 0, 0, (size_t)1 << 28, false}})

/* Replace what `out` holds.  -1 with ERROR_INPUT: the template refuses the conversation (its own
 * words), or meets a value it cannot use; ERROR_LIMIT: it does not come to an end in bounds, or there are more than
 * 4,096 messages. */
int chat_render(const struct chat_template *c, const struct chat_input *in, struct chat_render *out,
                struct error *error);
void chat_render_free(struct chat_render *r);

/* --- ids and mask ----------------------------------------------------------------------- */

struct chat_tokens {
    struct tokens tokens;
    uint8_t *mask; /* parallel to the ids: 1 where the loss counts the token */
    size_t mask_cap;
    size_t supervised; /* ones in the mask */
};
#define CHAT_TOKENS ((struct chat_tokens){.mask = NULL})

enum chat_flags {
    CHAT_LAST_REPLY_ONLY = 1, /* supervise the last reply alone */
    CHAT_PARSE_ADDED = 2,     /* in replies, literals of non-control added tokens (<think>) are
                                 their ids: the student is to write them so */
};

/*
 * Append ids and mask of a render.  A reply is tokenised apart from its header: otherwise a reply
 * that begins with a newline melts into the header's newline, and the prompt's last token at
 * inference would never have been seen in training.  Everything else is tokenised as one string,
 * as an inference server does.
 */
int chat_encode(const struct tokenizer *t, struct tokenizer_scratch *s, const struct chat_render *r,
                unsigned flags, struct chat_tokens *out, struct error *error);
void chat_tokens_clear(struct chat_tokens *v);
void chat_tokens_free(struct chat_tokens *v);

#endif
