#!/bin/sh
# Soft labels from the wire to the export: the forms of OpenAI, vLLM (token ids), llama.cpp and
# completions, stored by gen and written again by `export --format soft-labels`.
. tests/e2e/lib.inc

scripted=$PWD/$BUILD/tests/server/scripted
[ -x "$scripted" ] || skip "the scripted teacher is not built"
cd "$dir" || exit 1

# script FILE : start a teacher that follows it; $url is its address.
script() {
    rm -f port
    "$scripted" rules="$1" >port &
    servers="$servers $!"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -q port port 2>/dev/null && break
        sleep 0.1
    done
    url=http://127.0.0.1:$(sed -n 's/^port //p' port)/v1
}
# labels NAME PROVIDER PROMPT : ask it, export; what was written is in $dir/out.
labels() {
    printf '{"id":"%s","instruction":"%s"}\n' "$1" "$3" >p.jsonl
    raw=
    [ "$2" = openai-completions ] && raw='"strategy":"magpie","magpie":{"count":1,"template":"chatml"},"stop":["<|im_end|>"],'
    cat >r.jsonc <<END
{"dataset":"$1.db","teacher":{"base_url":"$url","model":"m","provider":"$2"},
 "gen":{$raw"prompts":"p.jsonl","max_tokens":16,"logprobs":2}}
END
    expect 0 "$retort" gen r.jsonc --no-progress
    expect 0 "$retort" export "$1.db" --format soft-labels
}

cat >script.jsonl <<'END'
{"when":["openai"],"reply":"Hé","logprobs":{"content":[{"token":"H","bytes":[72],"logprob":-0.25,"top_logprobs":[{"token":"H","bytes":[72],"logprob":-0.25},{"token":"J","bytes":[74],"logprob":-2.5}]},{"token":"\\xc3","bytes":[195],"logprob":-0.5,"top_logprobs":[{"token":"e","bytes":[101],"logprob":-9999.0}]},{"token":"\\xa9","bytes":[169],"logprob":0,"top_logprobs":[]}]}}
{"when":["vllm"],"reply":"ab","logprobs":{"content":[{"token":"token_id:7","bytes":null,"logprob":-1,"top_logprobs":[{"token":"token_id:9","bytes":null,"logprob":-0.75},{"token":"token_id:7","bytes":null,"logprob":-1}]}]}}
{"when":["llama"],"reply":"ab","logprobs":{"content":[{"id":11,"token":"ab","bytes":[97,98],"logprob":-0.125,"top_logprobs":[{"id":11,"token":"ab","bytes":[97,98],"logprob":-0.125},{"id":12,"token":"a","bytes":[97],"logprob":-3}]}]}}
{"when":["<|im_start|>assistant"],"reply":" yes","logprobs":{"tokens":[" yes"],"token_logprobs":[-0.5],"top_logprobs":[{" yes":-0.5," no":-1}],"text_offset":[0]}}
{"when":["<|im_start|>user"],"reply":"Is rust red?"}
{"when":["none"],"reply":"nothing"}
END
script script.jsonl

labels openai openai "openai form"
prints '{"id":"openai","instruction":"openai form","input":"","output":"Hé","logprobs":{"content":[' \
    '{"token":"H","bytes":[72],"logprob":-0.25,"tail":' '{"token":"J","bytes":[74],"logprob":-2.5}]' '"bytes":[195],"logprob":-0.5,' \
    '"top_logprobs":[{"token":"e","bytes":[101],"logprob":null}]}' '"bytes":[169],"logprob":0,"tail":0,"top_logprobs":[]}]}}'
# the tail: 1 - exp(-0.25) - exp(-2.5)
awk -F'"tail":' '{ split($2, t, ","); d = t[1] - (1 - exp(-0.25) - exp(-2.5)); exit !(d < 1e-6 && d > -1e-6) }' "$dir/out" || wrong "the tail is not what is missing"
labels vllm openai "vllm form"
prints '{"token":null,"bytes":null,"id":7,"logprob":-1,"tail":' '{"token":null,"bytes":null,"id":9,"logprob":-0.75}'
labels llama openai "llama form"
prints '{"token":"ab","bytes":[97,98],"id":11,"logprob":-0.125,' '{"token":"a","bytes":[97],"id":12,"logprob":-3}]'
labels text openai-completions "text form"
prints '{"token":" yes","bytes":[32,121,101,115],"logprob":-0.5,' '{"token":" no","bytes":[32,110,111],"logprob":-1}'

# a row without labels is named and left out
labels bare openai "none here"
says 'row "bare" is left out: it has no soft labels' '0 rows written'
finish
