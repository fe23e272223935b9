"""Writes suites/embedded/README.md from the checkpoints' own records: training.json and heldout.json.

  python card.py ../../suites/embedded
"""
import argparse
import json
import math
import os

from shapes import SHAPES

HEAD = """# Embedded models

Two checkpoints of the Qwen3.5 architecture, small enough to live in the binary, really trained by us on the
procedural tasks of `suites/src/procedural`. They are toys: they exist so that every path of the program
(loading, quantizing, prefill and decode, thinking, pictures, quality scoring, one model against another four
times its size) runs for real on a fresh machine. Nothing can be concluded from them about other models.

Weights, tokenizer and template are ours, under the project's licence (MIT OR Apache-2.0). No data of others and
no other model's output went into them.
"""

TABLE_HEAD = """
## Held-out accuracy

Percent of items answered exactly right, greedily, from the bfloat16 weights computed in float32. Both models answered
the same items. `chance` is the share the best fixed answer would get. Items are held out by the rule in
`suites/src/procedural/mod.rs`. Of {many} items, a measured share is uncertain by up to about {wide:.0f} points either
way (95 %), of {few} by up to {wider:.0f}; small cells (one-digit arithmetic has few held-out questions) by more. Levels
without training data are marked with a star.

"""

TRAIN_AGAIN = """
## Train again

`scripts/train/README.md` has the commands. The schedule follows the clock of the machine, so a second training gives
other weights of about the same quality, not the same bytes.
"""

# What the training items held, per task; kept here because the items themselves are not.
TRAINED_LEVELS = {"multiply": 4, "count": 5}


def percent(cell):
    return f"{100 * cell['right'] / cell['items']:.0f}" if cell and cell["items"] else "-"


def facts(models):
    lines = ["", "## The models", "", "| | " + " | ".join(models) + " |", "|---|" + "---|" * len(models)]

    def row(name, values):
        lines.append(f"| {name} | " + " | ".join(values) + " |")

    runs = [model["training"] for model in models.values()]
    row("parameters", [f"{run['parameters']:,}" for run in runs])
    row("without embeddings", [f"{run['parameters_without_embeddings']:,}" for run in runs])
    row("in vision tower, guess head", [f"{run['parameters_vision']:,}, {run['parameters_mtp']:,}" for run in runs])
    row("weights file, bytes", [f"{model['bytes']:,}" for model in models.values()])
    row("optimiser steps", [f"{run['steps']:,}" for run in runs])
    row("tokens seen", [f"{run['tokens']:,}" for run in runs])
    row("wall time, minutes", [f"{run['minutes']:.1f}" for run in runs])
    row("seed, peak rate", [f"{run['seed']}, {run['rate']}" for run in runs])
    row("right guesses of the token after next", [draft_share(model["rows"]) for model in models.values()])
    small, large = runs[0], runs[-1]
    whole = large["parameters"] / small["parameters"]
    bare = large["parameters_without_embeddings"] / small["parameters_without_embeddings"]
    lines += ["", f"The larger has {whole:.2f} times the parameters of the smaller, {bare:.2f} times without embeddings. Each was trained",
              "from random weights on batches from the same files; the larger one for longer, so a lead is one of size and of training",
              "together. They shared one device while both trained:", f"{large['hardware']}.", ""]
    return lines


def draft_share(rows):
    right, tokens = (sum(row["draft"][key] for row in rows) for key in ("right", "tokens"))
    return f"{100 * right / tokens:.0f} % of {tokens:,}"


def two_sided(wins, losses):
    """The chance that items on which the two differ fall at least as unevenly, if neither is better (exact McNemar)."""
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1)) / 2 ** n
    return min(1.0, 2 * tail)


def apart(models):
    """On which tasks the two models differ beyond noise: paired by item, all tasks and both modes judged together."""
    small, large = ({(row["task"], row["level"]): row for row in model["rows"]} for model in models.values())
    pairs = {}
    for cell in small:
        for mode, name in (("off", "direct"), ("on", "thinking")):
            counts = pairs.setdefault((cell[0], name), [0, 0, 0])
            for a, b in zip(small[cell][mode]["marks"], large[cell][mode]["marks"]):
                counts[0] += b > a
                counts[1] += a > b
                counts[2] += 1
    tests = sorted((two_sided(wins, losses), wins, losses, items, task) for task, (wins, losses, items) in pairs.items())
    lines, open_question = [], False
    for rank, (chance, wins, losses, items, (task, mode)) in enumerate(tests):
        open_question |= chance > 0.05 / (len(tests) - rank)
        verdict = "cannot tell" if open_question else "the larger one is better" if wins > losses else "the smaller one is better"
        lines.append((task, mode, f"| {task} | {mode} | {items} | {wins} | {losses} | {chance:.1g} | {verdict} |"))
    return ["", "## Which is better at what", "",
            "All levels of a task together, paired by item (exact McNemar test); tasks and modes are judged together by Holm at 5 %.", "",
            "| task | mode | items | only the larger one right | only the smaller one right | p | verdict |", "|---|---|---|---|---|---|---|",
            *(line for _, _, line in sorted(lines)), ""]


def table(models):
    names = list(models)
    cells = {}
    for name, model in models.items():
        for row in model["rows"]:
            cells.setdefault((row["task"], row["level"]), {})[name] = row
    columns = [f"{name}, {mode}" for name in names for mode in ("direct", "thinking")]
    lines = ["| task | level | chance | " + " | ".join(columns) + " | items direct, thinking |",
             "|---|---|---|" + "---|" * (len(columns) + 1)]
    for (task, level), rows in sorted(cells.items()):
        any_row = next(iter(rows.values()))
        shares = [percent(rows[name][mode]) if name in rows else "-" for name in names for mode in ("off", "on")]
        star = "*" if level > TRAINED_LEVELS.get(task, 4) else ""
        chance = f"{100 * any_row['chance']:.0f}" if any_row["chance"] >= 0.005 else "0"
        counts = f"{any_row['off']['items']}, {any_row['on']['items']}"
        lines.append(f"| {task} | {level}{star} | {chance} | " + " | ".join(shares) + f" | {counts} |")
    return lines


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder")
    a = ap.parse_args()
    models = {}
    for name in SHAPES:
        at = os.path.join(a.folder, name)
        with open(f"{at}/training.json") as training, open(f"{at}/heldout.json") as heldout:
            models[name] = dict(training=json.load(training), rows=json.load(heldout)["rows"],
                                bytes=os.path.getsize(f"{at}/model.safetensors"))
    many, few = (min(max(row[mode]["items"] for row in model["rows"]) for model in models.values()) for mode in ("off", "on"))
    head = TABLE_HEAD.format(many=many, few=few, wide=98 / many ** 0.5, wider=98 / few ** 0.5)
    with open(os.path.join(a.folder, "README.md"), "w") as out:
        out.write(HEAD + "\n".join(facts(models)) + head + "\n".join(table(models)) + "\n" + "\n".join(apart(models)) + TRAIN_AGAIN)


if __name__ == "__main__":
    main()
