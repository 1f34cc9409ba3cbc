#!/usr/bin/env python3
"""Write components.jsonl: small tokenizers, one for each kind of part, and what the library tokenizers makes of some texts.

usage: make_components.py [OUT]     needs tokenizers
One object a line: name, tokenizer (the tokenizer.json), cases: text, ids, special (with the post-processor), plain (no added
token is matched), decoded, offsets (bytes of the text, in the library's characters turned to bytes).
"""
import json
import pathlib
import sys

from tokenizers import Tokenizer

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("components.jsonl"))
TEXTS = ["", "a", "hello world", " hello  world ", "Hello, World! 12 345", "a-b_c.d", "\thello\n\nworld \n", "caf\u00e9 e\u0301 \u00c9", "\u4f60\u597d world", "x  y\u2581z", "<s>hello</s>", "a <mask> b", "a  <mask>  b<mask>c",
         "the<tool>theme tool <tool>", "\U0001f600!", "12345", "'s don't I'M", "  ", "\n", "a\u00a0b\u3000c", "ABC abc", "!!! ... ?!", "hello</s> world<s>", "\u0130I\u00df", "<MASK> <mask>"]
CHARS = [chr(c) for c in range(33, 127)] + ["\u2581", "\u00e9", "\u0301", "\u4f60", "\n", "\t", " "]


def vocab(extra=(), chars=CHARS):
    return {t: i for i, t in enumerate(dict.fromkeys(["<unk>", "<s>", "</s>", *chars, *extra]))}


MERGES = ["h e", "l l", "he ll", "hell o", "w o", "r l", "wo rl", "worl d", "t h", "th e", "\u2581 hello", "\u2581 world", "1 2", "! !", ". .", "a b"]


def bpe(**more):
    made = ["".join(m.split()) for m in MERGES]
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, "vocab": vocab(made), "merges": MERGES, **more}


ALPHABET = {}
keep = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
for b in range(256):
    ALPHABET[b] = chr(b) if b in keep else chr(256 + [x for x in range(256) if x not in keep].index(b))
BYTE_MERGES = [["h", "e"], ["l", "l"], ["he", "ll"], ["hell", "o"], ["\u0120", "w"], ["\u0120", "hello"], ["o", "r"], ["\u0120w", "or"], ["1", "2"], ["\u00c3", "\u00a9"]]


def byte_bpe(**more):
    return {**bpe(), "unk_token": None, "vocab": vocab(["".join(m) for m in BYTE_MERGES], ALPHABET.values()), "merges": BYTE_MERGES, **more}


def wordpiece(**more):
    words = ["hello", "world", "he", "##llo", "##l", "##o", "##orld", "wor", "##ld", "the", "##me", "cafe", "a", "b", "##b", "##c", "12", "##3", "##45", "!", ".", ",", "'", "?", "do", "not", "don", "##t", "s", "i", "m", "abc", "x", "y", "\u4f60", "[CLS]", "[SEP]"]
    return {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 8, "vocab": vocab(words, []), **more}


def tok(model, added=(), **parts):
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model}
    base.update(parts)
    ids = model["vocab"]
    n = len(ids)
    for content, flags in (("<s>", {}), ("</s>", {})) + tuple(added):
        entry = {"id": ids.get(content, n), "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **flags}
        n += content not in ids
        base["added_tokens"].append(entry)
    return base


SPM = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
SPM_DECODER = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
BYTE_DECODER = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
FALLBACK = vocab([f"<0x{i:02X}>" for i in range(256)] + ["".join(m.split()) for m in MERGES])


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def byte_level(**more):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **more}


def metaspace(**more):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True, **more}


MASK = ("<mask>", {"lstrip": True, "normalized": True, "special": True})
ROWS = {
    "bpe, nothing": tok(bpe()), "bpe, fused unknowns": tok(bpe(fuse_unk=True)), "bpe, no unknown": tok(bpe(unk_token=None)), "bpe, byte fallback": tok(bpe(byte_fallback=True, vocab=FALLBACK), normalizer=SPM, decoder=SPM_DECODER),
    "spm": tok(bpe(fuse_unk=True), normalizer=SPM, decoder=SPM_DECODER), "spm, ignore merges": tok(bpe(ignore_merges=True), normalizer=SPM, decoder=SPM_DECODER),
    "metaspace always": tok(bpe(), pre_tokenizer=metaspace(), decoder=metaspace()), "metaspace first": tok(bpe(), pre_tokenizer=metaspace(prepend_scheme="first"), decoder=metaspace(prepend_scheme="first")),
    "metaspace never": tok(bpe(), pre_tokenizer=metaspace(prepend_scheme="never"), decoder=metaspace(prepend_scheme="never")), "metaspace unsplit": tok(bpe(), pre_tokenizer=metaspace(split=False), decoder=metaspace()),
    "byte level": tok(byte_bpe(), pre_tokenizer=byte_level(), decoder=BYTE_DECODER), "byte level, prefix space": tok(byte_bpe(), pre_tokenizer=byte_level(add_prefix_space=True), decoder=BYTE_DECODER),
    "byte level, no regex": tok(byte_bpe(), pre_tokenizer=byte_level(use_regex=False), decoder=BYTE_DECODER), "byte level, ignore merges": tok(byte_bpe(ignore_merges=True), pre_tokenizer=byte_level(), decoder=BYTE_DECODER),
    "smollm": tok(byte_bpe(), pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level()]}, decoder=BYTE_DECODER),
    "llama-3 split": tok(byte_bpe(), pre_tokenizer={"type": "Sequence", "pretokenizers": [split({"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "Isolated"),
                          byte_level(use_regex=False)]}, decoder=BYTE_DECODER),
    "digits": tok(bpe(), pre_tokenizer={"type": "Digits", "individual_digits": False}), "digits apart": tok(bpe(), pre_tokenizer={"type": "Digits", "individual_digits": True}),
    "white space": tok(bpe(), pre_tokenizer={"type": "Whitespace"}), "white space split": tok(bpe(), pre_tokenizer={"type": "WhitespaceSplit"}), "bert split": tok(bpe(), pre_tokenizer={"type": "BertPreTokenizer"}),
    **{f"punctuation {b}": tok(bpe(), pre_tokenizer={"type": "Punctuation", "behavior": b}) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
    **{f"split space {b}{' inverted' * i}": tok(bpe(), pre_tokenizer=split({"String": " "}, b, i)) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous") for i in (False, True)},
    **{f"split regex {b}{' inverted' * i}": tok(bpe(), pre_tokenizer=split({"Regex": "[aeo]|\\s+"}, b, i)) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous") for i in (False, True)},
    "lower": tok(bpe(), normalizer={"type": "Lowercase"}), "nfd": tok(bpe(), normalizer={"type": "NFD"}), "nfc": tok(bpe(), normalizer={"type": "NFC"}), "nfkc": tok(bpe(), normalizer={"type": "NFKC"}), "nfkd": tok(bpe(), normalizer={"type": "NFKD"}),
    "accents": tok(bpe(), normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]}), "strip": tok(bpe(), normalizer={"type": "Strip", "strip_left": True, "strip_right": True}),
    "strip left": tok(bpe(), normalizer={"type": "Strip", "strip_left": True, "strip_right": False}), "replace": tok(bpe(), normalizer={"type": "Replace", "pattern": {"String": "ll"}, "content": "L"}),
    "replace regex": tok(bpe(), normalizer={"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "_"}), "prepend": tok(bpe(), normalizer={"type": "Prepend", "prepend": "hello"}),
    "bert": tok(wordpiece(), normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}, pre_tokenizer={"type": "BertPreTokenizer"},
                post_processor={"type": "BertProcessing", "sep": ["[SEP]", 39], "cls": ["[CLS]", 38]}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": True}),
    "bert cased": tok(wordpiece(), normalizer={"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False, "strip_accents": True, "lowercase": False}, pre_tokenizer={"type": "BertPreTokenizer"},
                      decoder={"type": "WordPiece", "prefix": "##", "cleanup": False}),
    "roberta": tok(byte_bpe(), pre_tokenizer=byte_level(), post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": False}, decoder=BYTE_DECODER),
    "sequence of processors": tok(byte_bpe(), pre_tokenizer=byte_level(), decoder=BYTE_DECODER, post_processor={"type": "Sequence", "processors": [byte_level(), {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}}]}),
    "added, left": tok(byte_bpe(), [MASK], pre_tokenizer=byte_level(), decoder=BYTE_DECODER), "added, right": tok(byte_bpe(), [("<mask>", {"rstrip": True})], pre_tokenizer=byte_level(), decoder=BYTE_DECODER),
    "added, both": tok(bpe(), [("<mask>", {"rstrip": True, "lstrip": True})], normalizer=SPM, decoder=SPM_DECODER), "added, word": tok(bpe(), [("<tool>", {"single_word": True, "special": False}), ("the", {"single_word": True, "special": False, "normalized": True})]),
    "added, normalised": tok(bpe(), [("<MASK>", {"normalized": True})], normalizer={"type": "Lowercase"}), "added, longest": tok(bpe(), [("<tool>", {"special": False}), ("<tool>the", {"special": False}), ("ll", {"special": False}), ("hell", {"special": False})]),
}


def main():
    with open(OUT, "w", encoding="ascii") as f:
        for name, doc in ROWS.items():
            t = Tokenizer.from_str(json.dumps(doc))
            plain = Tokenizer.from_str(json.dumps({**doc, "added_tokens": []}))
            cases = []
            for text in TEXTS:
                e = t.encode(text, add_special_tokens=False)
                cases.append({"text": text, "ids": e.ids, "special": t.encode(text).ids, "plain": plain.encode(text, add_special_tokens=False).ids,
                              "decoded": t.decode(e.ids, skip_special_tokens=False)})
            f.write(json.dumps({"name": name, "tokenizer": doc, "cases": cases}, separators=(",", ":")) + "\n")


main()
