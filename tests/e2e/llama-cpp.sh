#!/bin/sh
# The same model in llama.cpp and in `retort serve`, asked by gen: GGUF files, their tokenizer and chat
# template, and a server that nobody here wrote.  LLAMA_CPP is the folder of llama.cpp's programs.
. tests/e2e/lib.inc

programs=${LLAMA_CPP:-/usr/bin}
[ -x "$programs/llama-server" ] || skip "no llama-server in $programs (set LLAMA_CPP)"

# llama FILE : serve it, all in single precision; $url is the address.
llama() {
    serving "$dir/llama.err" "$programs/llama-server" -m "$1" --host 127.0.0.1 --port 0 -np 4 -c 4096 -t 1 \
        -ctk f32 -ctv f32 -fa off
    servers="$servers $server"
    [ -n "$url" ] || { wrong "llama-server does not serve $1"; cat "$dir/llama.err"; finish; }
    url=$url/v1
}

# ask NAME URL : the prompts, greedily; what came to NAME.said, a token and its logprob a line.
ask() {
    cat >"$dir/$1.jsonc" <<END
{"dataset":"$1.db","teacher":{"base_url":"$2","model":"m","in_flight":4},
 "gen":{"prompts":"prompts.jsonl","max_tokens":24,"temperature":0,"logprobs":1,"retries":1}}
END
    expect 0 "$retort" gen "$dir/$1.jsonc" --no-progress
    expect 0 "$retort" export "$dir/$1.db" --all --format soft-labels -q
    LC_ALL=C sort "$dir/out" | sed 's/"top_logprobs":[^]]*\]//g; s/{"token"/\n{"token"/g' |
        sed -n 's/.*"bytes":\(\[[0-9,]*\]\).*"logprob":\([-0-9.e]*\).*/\1 \2/p' >"$dir/$1.said"
}

# same ONE OTHER : the same tokens, logprobs within a thousandth.
same() {
    [ -s "$dir/$1.said" ] || wrong "nothing was said: $1"
    paste -d ' ' "$dir/$1.said" "$dir/$2.said" |
        awk '{ d = $2 - $4; if ($1 != $3 || d * d > 1e-6) { print; bad++ } } END { exit bad > 0 }' ||
        wrong "$1 and $2 differ"
}

head -n 24 demo/heldout.jsonl | sed 's/"prompt"/"instruction"/' >"$dir/prompts.jsonl"
for model in demo/student demo/teacher; do
    name=$(basename "$model")
    expect 0 "$retort" export-model "$model" -o "$dir/$name.gguf" --type f32
    served "$model" --threads 1
    ask "$name-here" "$url"
    kill "$server"
    llama "$dir/$name.gguf"
    ask "$name-there" "$url"
    kill "$server"
    same "$name-here" "$name-there"
done
finish
