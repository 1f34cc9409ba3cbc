#!/bin/sh
# retort serve with real weights: the reference's words, our own gen as a client, the official openai
# client where Python has it, and an end that drains.
. tests/e2e/lib.inc

model=../shared/models/tinystories-656k
[ -d "$model" ] || skip "../shared/models/tinystories-656k is absent"
python=${RETORT_PYTHON:-python3}

# ---- faults at the start: one line each
complains 1 "$retort" serve "$dir/nothing"
complains 2 "$retort" serve "$model" --port 70000
complains 2 "$retort" serve "$model" --host elsewhere
complains 2 "$retort" serve "$model" --api-key-env RETORT_NO_SUCH_VARIABLE
complains 2 "$retort" serve "$model" --template nonsense

# ---- our own gen asks it, through the plain template
served "$model" --template plain --name tiny
first=$server
cat >"$dir/prompts.jsonl" <<END
{"id":"a","instruction":"Once upon a time"}
{"id":"b","instruction":"Lily and Ben"}
{"id":"c","instruction":"One day, a dog"}
END
cat >"$dir/recipe.jsonc" <<END
{"dataset":"tiny.db","teacher":{"base_url":"$url","model":"tiny"},
 "gen":{"prompts":"prompts.jsonl","max_tokens":20,"temperature":0.5,"samples":4}}
END
expect 0 "$retort" gen "$dir/recipe.jsonc" --no-progress
expect 0 "$retort" status "$dir/tiny.db" --json
[ "$(number answered <"$dir/out")" = 12 ] || { wrong "not 12 replies"; cat "$dir/out"; }

# ---- the official client
if "$python" -c 'import openai' 2>/dev/null; then
    cat >"$dir/client.py" <<'END'
import sys
from openai import OpenAI, BadRequestError
c = OpenAI(base_url=sys.argv[1], api_key="none")
m = c.models.list().data[0].id
how = dict(model=m, prompt="Once upon a time", max_tokens=16, temperature=0)
r = c.completions.create(**how)
# what transformers says with these weights
assert r.choices[0].text.startswith(", a little girl named Lily lived in a small house"), r
s = "".join(x.choices[0].text for x in c.completions.create(stream=True, **how))
assert s == r.choices[0].text, s
talk = dict(model=m, messages=[{"role": "user", "content": "Once"}], max_tokens=8, seed=1)
r = c.chat.completions.create(n=2, logprobs=True, top_logprobs=4, **talk)
assert len(r.choices) == 2 and len(r.choices[0].logprobs.content[0].top_logprobs) == 4
s = list(c.chat.completions.create(stream=True, stream_options={"include_usage": True}, **talk))
assert s[-1].usage.completion_tokens > 0
assert c.models.retrieve(m).id == m
one = dict(model=m, max_tokens=8, temperature=0)
a = c.chat.completions.create(messages=[{"role": "user", "content": "Once\nmore"}], **one)
b = c.chat.completions.create(messages=[{"role": "user", "content": [{"type": "text", "text": t} for t in ("Once", "more")]}], **one)
assert a.choices[0].message.content == b.choices[0].message.content, (a, b)
with c.chat.completions.stream(**talk) as s:
    whole = [e for e in s]
    assert any(e.type == "content.delta" for e in whole), whole
try:
    c.chat.completions.create(model=m, messages=[])
    sys.exit("an empty conversation was taken")
except BadRequestError as e:
    assert e.body["param"] == "messages", e.body
# this vocabulary has no brace: said so, and not tried again
try:
    c.chat.completions.create(response_format={"type": "json_object"}, **talk)
    sys.exit("JSON without braces")
except BadRequestError as e:
    assert e.body["param"] == "response_format", e.body
# a model whose vocabulary has braces
from pydantic import BaseModel
from typing import Literal, Optional
class Ticket(BaseModel):
    kind: Literal["bug", "bill"]
    ok: bool
    next: Optional[Literal["now", "later"]]
c = OpenAI(base_url=sys.argv[2], api_key="none")
r = c.chat.completions.parse(model="teacher", messages=[{"role": "user", "content": "x"}], seed=1, max_tokens=400, response_format=Ticket)
assert isinstance(r.choices[0].message.parsed, Ticket), r
END
    tiny=$url
    served demo/teacher
    expect 0 "$python" "$dir/client.py" "$tiny" "$url"
    kill "$server"
    url=$tiny server=$first
else
    echo "SKIP: the openai client; $python has no module openai (set RETORT_PYTHON)"
fi

# ---- the first signal lets a running reply end
cat >"$dir/slow.jsonl" <<END
{"instruction":"Once upon a time there was"}
END
cat >"$dir/slow.jsonc" <<END
{"dataset":"slow.db","teacher":{"base_url":"$url","model":"tiny"},
 "gen":{"prompts":"slow.jsonl","max_tokens":400,"samples":16,"retries":0}}
END
"$retort" gen "$dir/slow.jsonc" --no-progress >"$dir/slow.out" 2>&1 &
client=$!
sleep 0.3
kill -INT "$server"
wait "$server"
[ $? = 0 ] || { wrong "the server does not end cleanly"; cat "$dir/serve.err"; }
wait "$client"
expect 0 "$retort" status "$dir/slow.db" --check
finish
