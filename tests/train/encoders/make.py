"""Small encoders of every kind with PyTorch's logits, loss and gradients:  make.py OUT
   or, for folders that exist, what transformers says of them:              make.py --of FOLDER...

Each folder gets golden.safetensors (inputs.N, types.N, targets.N, logits.N of each sequence N; loss; grad.NAME of
each parameter).  Sequences go alone, without padding; the loss is the sum over rows (sequence), supervised tokens
(token) or sequences (span), as retort adds them up."""
import json, os, sys, torch
from safetensors.torch import load_file, save_file
from transformers import (AutoConfig, BertConfig, RobertaConfig, DistilBertConfig, AutoModelForSequenceClassification,
                          AutoModelForTokenClassification, AutoModelForQuestionAnswering, logging)
logging.set_verbosity_error()
HEADS = {"sequence": AutoModelForSequenceClassification, "token": AutoModelForTokenClassification, "span": AutoModelForQuestionAnswering}
CLASSES = {"ForSequenceClassification": "sequence", "ForTokenClassification": "token", "ForQuestionAnswering": "span"}
VOCAB = 40

def configs(n):
    common = dict(vocab_size=VOCAB, num_labels=n, initializer_range=.3)
    yield "bert", BertConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, max_position_embeddings=16,
                             hidden_act="gelu_new", hidden_dropout_prob=0, attention_probs_dropout_prob=0, **common)
    yield "roberta", RobertaConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, max_position_embeddings=18,
                                   type_vocab_size=1, pad_token_id=1, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
                                   layer_norm_eps=1e-5, **common)
    yield "distilbert", DistilBertConfig(dim=8, n_layers=2, n_heads=2, hidden_dim=16, max_position_embeddings=16, dropout=0,
                                         attention_dropout=0, qa_dropout=0, seq_classif_dropout=0, sinusoidal_pos_embds=False, **common)

def golden(m, head, folder, backward=True):
    c, out, loss = m.config, {}, 0.0
    g = torch.Generator().manual_seed(5)
    types = getattr(c, "type_vocab_size", 0) or 0
    m = m.double().eval()
    for i, n in enumerate((7, 11, 4)):
        # not roberta's padding id: transformers counts positions past it
        ids = torch.randint(5, c.vocab_size, (1, n), generator=g)
        kw = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        t = torch.zeros_like(ids)
        if types > 1:
            t[0, n // 2:] = 1
            kw["token_type_ids"] = t
        o = m(**kw)
        if head == "span":
            at = torch.tensor([i + 1, n - 1 - i])
            z = torch.stack([o.start_logits[0], o.end_logits[0]], 1)
            loss = loss + (torch.nn.functional.cross_entropy(z[:, 0][None], at[:1]) +
                           torch.nn.functional.cross_entropy(z[:, 1][None], at[1:])) / 2
        elif head == "token":
            at, z = torch.randint(0, c.num_labels, (n,), generator=g), o.logits[0]
            at[0] = at[n - 1] = -100
            loss = loss + torch.nn.functional.cross_entropy(z, at, reduction="sum")
        else:
            at, z = torch.randint(0, c.num_labels, (1,), generator=g), o.logits
            loss = loss + torch.nn.functional.cross_entropy(z, at)
        out.update({f"inputs.{i}": ids[0].float(), f"types.{i}": t[0].float(), f"targets.{i}": at.float(), f"logits.{i}": z.detach().float()})
    if backward:
        loss.backward()
        out["loss"] = loss.detach().reshape(1).float()
    for name, p in m.named_parameters():
        if p.grad is not None:
            out["grad." + name] = p.grad.float()
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(folder, "golden.safetensors"))

def int8(folder):
    """A folder of 8-bit weights as PyTorch computes it: each token's activations rounded, exact dot products."""
    stored, c = load_file(os.path.join(folder, "model.safetensors")), json.load(open(os.path.join(folder, "config.json")))
    c.pop("quantization_config")
    name = c["architectures"][0]
    head = next(h for k, h in CLASSES.items() if name.endswith(k))
    m = HEADS[head].from_config(AutoConfig.for_model(**c)).float()
    plain = {k: v.float() for k, v in stored.items() if not k.endswith("_scale")}
    for name, module in m.named_modules():
        scale = stored.get(name + ".weight_scale")
        if scale is not None:
            plain[name + ".weight"] *= scale.float().reshape(-1, 1)
            def forward(x, module=module):
                s = x.abs().amax(-1, keepdim=True).clamp(min=1e-30) / 127
                return torch.nn.functional.linear((x / s).round() * s, module.weight, module.bias)
            module.forward = forward
    m.load_state_dict(plain)
    return m, head

if sys.argv[1] == "--of":
    for folder in sys.argv[2:]:
        if "quantization_config" in open(os.path.join(folder, "config.json")).read():
            golden(*int8(folder), folder, backward=False)
            continue
        name = AutoConfig.from_pretrained(folder).architectures[0]
        head = next(h for k, h in CLASSES.items() if name.endswith(k))
        m, said = HEADS[head].from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        assert not said["missing_keys"] and not said["unexpected_keys"] and not said["mismatched_keys"], said
        golden(m, head, folder)
else:
    for head, make in HEADS.items():
        for kind, config in configs(2 if head == "span" else 3):
            torch.manual_seed(sum(map(ord, kind + head)))
            folder = os.path.join(sys.argv[1], kind + "-" + head)
            m = make.from_config(config)
            with torch.no_grad():  # biases and norms that matter
                for name, p in m.named_parameters():
                    if p.dim() == 1:
                        p += .2 * torch.randn_like(p)
            m.save_pretrained(folder)
            golden(m, head, folder)
