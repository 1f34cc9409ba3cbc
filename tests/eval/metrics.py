"""Random cases with what scikit-learn, seqeval and SQuAD's official script make of them:  metrics.py SEED [CASES] >metrics.jsonl
tests/eval/test_metrics reads tests/eval/metrics.jsonl, or the file that is named."""
import collections, json, random, re, string, sys, warnings
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from seqeval.metrics import f1_score as entity_f1, precision_score, recall_score
warnings.simplefilter("ignore")
r = random.Random(int(sys.argv[1]))

# ---- evaluate-v2.0.py of SQuAD, as published
def normalize_answer(s):
    def remove_articles(text):
        return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)
    def white_space_fix(text):
        return " ".join(text.split())
    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)
    return white_space_fix(remove_articles(remove_punc(s.lower())))

def compute_f1(a_gold, a_pred):
    gold, pred = normalize_answer(a_gold).split(), normalize_answer(a_pred).split()
    same = sum((collections.Counter(gold) & collections.Counter(pred)).values())
    if len(gold) == 0 or len(pred) == 0:
        return int(gold == pred)
    if same == 0:
        return 0
    precision, recall = same / len(pred), same / len(gold)
    return 2 * precision * recall / (precision + recall)

PIECES = ["the", "The", "a", "an", "An", "A", "THE", "them", "Paris", "12", "1,000", "U.S.", "A-team", "_a_", "é", "a\u0301", "Straße", "ΟΔΟΣ",
          "İstanbul", "“the”", "‘a’", "–", "…", "日本", "the日", "²", "½", "\u00a0", "\u2003", "\t", "\n", "\u200b", "\x1c", "\u0085", "'s", "$5", "50%", "x=y", "¿", "ǅ", "ﬁ", "Ⅷ"]
def text():
    return "".join(r.choice(PIECES) + r.choice(["", " ", " ", " ", "  ", ".", ", ", "-"]) for _ in range(r.randrange(7)))

def classes():
    n = r.randrange(2, 6)
    size = r.randrange(1, 40)
    true = [r.randrange(n) for _ in range(size)]
    said = [t if r.random() < .6 else r.randrange(r.randrange(1, n + 1)) for t in true]
    return {"classes": n, "true": true, "said": said, "accuracy": accuracy_score(true, said), "macro_f1": f1_score(true, said, average="macro"),
            "matthews": matthews_corrcoef(true, said)}

def squad():
    a = text()
    b = r.choice([a, a + r.choice(PIECES), text(), a.upper()])
    return {"wanted": a, "said": b, "normal": normalize_answer(a), "exact": int(normalize_answer(a) == normalize_answer(b)), "f1": compute_f1(a, b)}

def tags():
    def some(n):
        return [r.choice(["O", "O"] + [p + "-" + t for p in r.choice(["BI", "BIES"]) for t in ("PER", "LOC")]) for _ in range(n)]
    wanted = [some(r.randrange(1, 9)) for _ in range(r.randrange(1, 5))]
    said = [[t if r.random() < .7 else some(1)[0] for t in s] for s in wanted]
    return {"tags": wanted, "guessed": said, "f1": entity_f1(wanted, said), "precision": precision_score(wanted, said), "recall": recall_score(wanted, said)}

for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 240):
    print(json.dumps((classes, squad, tags)[i % 3]()))
