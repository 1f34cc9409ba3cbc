/*
 * The GPT-2 alphabet: each byte as one visible character.  Printable Latin-1 stands for itself;
 * the other 68 bytes, in order, are U+0100 … U+0143.
 */
#include "model/tokenizer/parts.h"

static bool visible(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

uint32_t alphabet_char(unsigned char byte)
{
    if (visible(byte))
        return byte;
    if (byte <= 0x20)
        return 0x100u + byte;
    return byte <= 0xA0 ? 0x121u + (byte - 0x7Fu) : 0x143u;
}

int alphabet_byte(uint32_t c)
{
    if (c < 0x100)
        return visible(c) ? (int)c : -1;
    if (c <= 0x120)
        return (int)(c - 0x100);
    if (c <= 0x142)
        return (int)(c - 0x121 + 0x7F);
    return c == 0x143 ? 0xAD : -1;
}

void alphabet_bytes(struct slice piece, struct buf *out)
{
    size_t before = out->len;
    for (size_t i = 0; i < piece.len;) {
        uint32_t c;
        int byte;
        i += char_decode(piece.data + i, &c);
        byte = alphabet_byte(c);
        if (byte < 0) {
            out->len = before;
            buf_slice(out, piece);
            return;
        }
        buf_char(out, (char)byte);
    }
}

void alphabet_spell(struct slice bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_utf8(out, alphabet_char((unsigned char)bytes.data[i]));
}
