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

Percent of items answered exactly right, greedily, from the bfloat16 weights computed in float32. `chance` is the
share the best fixed answer would get. Items are held out by the rule in `suites/src/procedural/mod.rs`. A dash
means that the cell was not measured. Of {many} items, a measured share is uncertain by up to about
{wide:.0f} points either way (95 %), of {few} by up to {wider:.0f}; small cells (one-digit arithmetic has few
held-out questions) by more. Levels without training data are marked with a star.

"""

TRAIN_AGAIN = """
## Train again

`scripts/train/README.md` has the commands. The schedule follows the clock of the machine, which was shared with
other work, so a second training gives other weights of about the same quality, not the same bytes.
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
    row("started as", [origin(run.get("grown_from")) for run in runs])
    row("wall time, minutes", [f"{run['minutes']:.0f}" for run in runs])
    row("seed, peak rate", [f"{run['seed']}, {run['rate']}" for run in runs])
    row("right guesses of the token after next", [draft_share(model["rows"]) for model in models.values()])
    small, large = runs[0], runs[-1]
    whole = large["parameters"] / small["parameters"]
    bare = large["parameters_without_embeddings"] / small["parameters_without_embeddings"]
    if large.get("grown_from"):
        lines += ["", "The larger one is the smaller one grown (`scripts/train/grow.py`): more layers and wider MLPs, at first",
                  "computing exactly the same, then trained further. Their mistakes are therefore related, and any lead of the",
                  "larger one is one of size and of further training together; the table cannot tell the two apart."]
    lines += ["", f"The larger has {whole:.2f} times the parameters of the smaller, {bare:.2f} times without embeddings.",
              f"Trained on one thread of a processor, with {large['versions']}.", ""]
    return lines


def origin(grown):
    return f"{grown['model']} after {grown['tokens']:,} tokens" if grown else "random weights"


def draft_share(rows):
    right, tokens = (sum(row["draft"][key] for row in rows) for key in ("right", "tokens"))
    return f"{100 * right / tokens:.0f} % of {tokens:,}"


def apart(models):
    """One sentence: the cells in which the two models differ beyond noise, all cells judged together (Holm, 5 %)."""
    small, large = ({(row["task"], row["level"]): row for row in model["rows"]} for model in models.values())
    tests = []
    for cell in small:
        for mode, name in (("off", "direct"), ("on", "thinking")):
            a, b = small[cell][mode], large[cell][mode]
            both = (a["right"] + b["right"]) / (a["items"] + b["items"])
            spread = math.sqrt(both * (1 - both) * (1 / a["items"] + 1 / b["items"]))
            lead = b["right"] / b["items"] - a["right"] / a["items"]
            chance = math.erfc(abs(lead) / spread / math.sqrt(2)) if spread else 1.0
            tests.append((chance, lead, f"{cell[0]} {cell[1]} {name}"))
    found = []
    for rank, (chance, lead, name) in enumerate(sorted(tests)):
        if chance > 0.05 / (len(tests) - rank):
            break
        found.append((lead > 0, name))
    parts = []
    for wins, who in ((True, "larger"), (False, "smaller")):
        names = [name for won, name in found if won == wins]
        parts.append(f"the {who} one is better in {', '.join(names) if names else 'no cell'}")
    return f"\nBeyond noise (two proportions, {len(tests)} cells judged together by Holm at 5 %), {' and '.join(parts)}.\n"


def table(models):
    names = list(models)
    cells = {}
    for name, model in models.items():
        for row in model["rows"]:
            cells.setdefault((row["task"], row["level"]), {})[name] = row
    columns = [f"{name}, {mode}" for name in names for mode in ("direct", "thinking")]
    lines = ["| task | level | chance | " + " | ".join(columns) + " | items direct, thinking; of each model |",
             "|---|---|---|" + "---|" * (len(columns) + 1)]
    for (task, level), rows in sorted(cells.items()):
        any_row = next(iter(rows.values()))
        shares = [percent(rows[name][mode]) if name in rows else "-" for name in names for mode in ("off", "on")]
        star = "*" if level > TRAINED_LEVELS.get(task, 4) else ""
        chance = f"{100 * any_row['chance']:.0f}" if any_row["chance"] >= 0.005 else "0"
        counts = "; ".join(f"{row['off']['items']}, {row['on']['items']}" for row in rows.values())
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
    # The counts of the model measured on fewer items.
    many, few = (min(max(row[mode]["items"] for row in model["rows"]) for model in models.values()) for mode in ("off", "on"))
    head = TABLE_HEAD.format(many=many, few=few, wide=98 / many ** 0.5, wider=98 / few ** 0.5)
    with open(os.path.join(a.folder, "README.md"), "w") as out:
        out.write(HEAD + "\n".join(facts(models)) + head + "\n".join(table(models)) + "\n" + apart(models) + TRAIN_AGAIN)


if __name__ == "__main__":
    main()
