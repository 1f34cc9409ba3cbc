"""serve_transformers.py FOLDER THREADS TOKENS [IN_FLIGHT...] : what bench_serve asks of a server, asked of transformers'
generate() in one batch (no HTTP, no queue, every reply of the same length: its best case); one JSON line each."""
import json, sys, time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, threads, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
for n in [int(x) for x in sys.argv[4:]] or [1, 8, 32]:
    ids = tokenizer([f"Request number {10 + i}: once upon a time" for i in range(n)], return_tensors="pt", padding=True,
                    return_token_type_ids=False)
    how = dict(do_sample=True, temperature=1.0, top_k=0, min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=0)
    with torch.inference_mode():
        model.generate(**ids, **{**how, "min_new_tokens": 2, "max_new_tokens": 2})
        wall, cpu = time.perf_counter(), time.process_time()
        model.generate(**ids, **how)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"in_flight": n, "tokens": n * tokens, "tokens_per_s": round(n * tokens / wall, 1),
                      "tokens_per_cpu_s": round(n * tokens / cpu, 1)}), flush=True)
