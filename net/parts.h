/*
 * Content parts of messages that are no text: their tokens have nothing to do with their bytes, so
 * a budget has to know another bound.
 *
 * A picture is at most PARTS_PICTURE tokens with every provider that says how it counts.  OpenAI:
 * 85 + 170 for each of at most 8 tiles (gpt-4o), 2,833 + 5,667 a tile with gpt-4o-mini: 48,169, the
 * most of all; 1,536 patches times 1.62 or 2.46 (gpt-4.1-mini, -nano).  Anthropic: width × height /
 * 750, 1,568 or with newer models some 4,800.  Qwen2-VL as vLLM serves it: 16,384; Llama 3.2: 6,404.
 * Sound that stands in the body as base64 has more bytes than tokens, like text.  Of files,
 * documents and films nobody says a bound.
 */
#ifndef NET_PARTS_H
#define NET_PARTS_H

#include "core/slice.h"

#include <stdint.h>

enum { PARTS_PICTURE = 65536 };

struct parts {
    int64_t pictures;
    int64_t others; /* without a known bound */
};

/* Count those of a JSON array of messages, in tool results too.  What is no JSON has none. */
struct parts parts_count(struct slice messages);

#endif
