/*
 * Finding added tokens in text: leftmost, longest, by a trie.
 */
#include "model/tokenizer/parts.h"

#include "core/mem.h"
#include "core/vec.h"

static uint32_t new_node(struct added_trie *t, unsigned char byte)
{
    t->nodes = vec_reserve(t->nodes, &t->cap, t->n + 1, sizeof *t->nodes);
    t->nodes[t->n] = (struct trie_node){0, 0, -1, byte};
    return (uint32_t)t->n++;
}

static uint32_t child_of(const struct added_trie *t, uint32_t node, unsigned char byte)
{
    uint32_t c = t->nodes[node].child;
    while (c != 0 && t->nodes[c].byte != byte)
        c = t->nodes[c].sibling;
    return c;
}

void added_trie_put(struct added_trie *trie, struct slice content, int32_t token)
{
    uint32_t node = 0;
    if (content.len == 0)
        return;
    if (trie->n == 0)
        new_node(trie, 0);
    trie->first[(unsigned char)content.data[0]] = true;
    for (size_t i = 0; i < content.len; i++) {
        unsigned char byte = (unsigned char)content.data[i];
        uint32_t next = child_of(trie, node, byte);
        if (next == 0) {
            next = new_node(trie, byte);
            trie->nodes[next].sibling = trie->nodes[node].child;
            trie->nodes[node].child = next;
        }
        node = next;
    }
    if (trie->nodes[node].token < 0)
        trie->nodes[node].token = token;
}

int32_t added_trie_match(const struct added_trie *trie, struct slice text, size_t from, size_t *end)
{
    int32_t found = -1;
    uint32_t node = 0;
    for (size_t i = from; i < text.len; i++) {
        node = child_of(trie, node, (unsigned char)text.data[i]);
        if (node == 0)
            break;
        if (trie->nodes[node].token >= 0) {
            found = trie->nodes[node].token;
            *end = i + 1;
        }
    }
    return found;
}

static void push(struct stretches *s, size_t begin, size_t end, int32_t token)
{
    if (begin == end && token < 0)
        return;
    s->items = vec_reserve(s->items, &s->cap, s->n + 1, sizeof *s->items);
    s->items[s->n++] = (struct stretch){begin, end, token};
}

static size_t char_before(struct slice text, size_t at, uint32_t *c)
{
    do
        at--;
    while (at > 0 && ((unsigned char)text.data[at] & 0xC0) == 0x80);
    char_decode(text.data + at, c);
    return at;
}

/* Neither a word character before nor behind. */
static bool stands_alone(struct slice text, size_t begin, size_t end)
{
    uint32_t c;
    if (begin > 0) {
        char_before(text, begin, &c);
        if ((class_of(c) & CLASS_WORD) != 0)
            return false;
    }
    if (end < text.len) {
        char_decode(text.data + end, &c);
        if ((class_of(c) & CLASS_WORD) != 0)
            return false;
    }
    return true;
}

static size_t take_left(struct slice text, size_t at, size_t floor)
{
    while (at > floor) {
        uint32_t c;
        size_t i = char_before(text, at, &c);
        if ((class_of(c) & CLASS_SPACE) == 0)
            break;
        at = i;
    }
    return at;
}

static size_t take_right(struct slice text, size_t at, size_t ceiling)
{
    while (at < ceiling) {
        uint32_t c;
        size_t n = char_decode(text.data + at, &c);
        if ((class_of(c) & CLASS_SPACE) == 0)
            break;
        at += n;
    }
    return at;
}

void added_split(const struct added *a, const struct added_trie *trie, struct slice text,
                 const struct added_gate *gate, struct stretches *out)
{
    size_t from = 0; /* of the text not yet given out */
    out->n = 0;
    for (size_t at = 0; trie->n != 0 && at < text.len;) {
        size_t begin = at, end = at;
        int32_t token = -1;
        if (trie->first[(unsigned char)text.data[at]])
            token = added_trie_match(trie, text, at, &end);
        if (token < 0) {
            at++;
            continue;
        }
        switch (gate->open(gate->context, &a->tokens[token], begin, end)) {
        case GATE_SHUT: at++; continue;
        case GATE_PASS: at = end; continue;
        case GATE_OPEN: break;
        }
        if (a->tokens[token].single_word && !stands_alone(text, begin, end)) {
            at = end;
            continue;
        }
        if (a->tokens[token].lstrip) {
            size_t floor = gate->floor(gate->context, begin);
            begin = take_left(text, begin, floor > from ? floor : from);
        }
        if (a->tokens[token].rstrip)
            end = take_right(text, end, gate->ceiling(gate->context, end));
        push(out, from, begin, -1);
        push(out, begin, end, token);
        at = from = end;
    }
    push(out, from, text.len, -1);
}

void added_push(struct added *a, const struct added_token *token)
{
    a->tokens = vec_reserve(a->tokens, &a->cap, a->n + 1, sizeof *a->tokens);
    a->tokens[a->n++] = *token;
}

void added_free(struct added *a)
{
    for (size_t i = 0; i < a->n; i++) {
        buf_free(&a->tokens[i].content);
        buf_free(&a->tokens[i].shown);
    }
    mem_free(a->tokens);
    mem_free(a->plain.nodes);
    mem_free(a->normalized.nodes);
    mem_free(a->literal.nodes);
    *a = (struct added){0};
}
