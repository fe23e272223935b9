"""Trains one of the embedded models on procedural items.

  python train.py tiny-5m --items 'DIR/train-*.jsonl' --minutes 60 --out DIR

The learning rate falls along a cosine over the minutes given (or --steps), so a slow machine sees fewer tokens
but still ends well. The state is saved every few minutes as DIR/state.pt.
"""
import argparse
import glob
import json
import math
import os
import time
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F

from items import answer_ids, pack, patches, prompt_ids, read_items
from grow import grow
from network import Network, initialise, packed_context
from shapes import SHAPES, TOKEN_ID

# How often a task is drawn. What needs a tower or many steps is drawn more often than what is soon learnt.
TASK_WEIGHT = {"add": 2.0, "subtract": 1.5, "multiply": 1.0, "copy": 1.0, "reverse": 1.2, "replace": 1.0, "logic": 1.0,
               "order": 1.0, "sort": 1.2, "lookup": 1.2, "count": 1.6, "compare": 1.2, "read": 2.0, "bars": 1.5,
               "spatial": 1.2, "maze": 0.8}
THINKING_SHARE = 0.35


def draw_documents(cells, weights, progress, rng, tokens):
    """Random documents of about `tokens` tokens in all; early in training easy levels come more often."""
    tilt = np.array([math.exp(-(level - 1) * (1.2 - 0.9 * min(1.0, 2 * progress))) for _, level in cells])
    chance = weights * tilt
    chance /= chance.sum()
    keys, out, total = list(cells), [], 0
    while total < tokens:
        item = (rows := cells[keys[rng.choice(len(keys), p=chance)]])[rng.integers(len(rows))]
        thinking = bool(rng.random() < THINKING_SHARE)
        prompt = prompt_ids(item, thinking)
        ids = prompt + answer_ids(item, thinking)
        out.append((ids, len(prompt), item.image_cells, item.image))
        total += len(ids)
    # Long ones first, so that the short ones fill the gaps.
    return sorted(out, key=lambda document: -len(document[0]))


def image_features(network, pictures):
    """Features of all pictures in order; pictures of one size go through the tower together."""
    groups = defaultdict(list)
    for place, picture in enumerate(pictures):
        groups[picture.shape[:2]].append(place)
    parts = [None] * len(pictures)
    for (height, width), places in groups.items():
        pixels = torch.from_numpy(np.stack([patches(pictures[place]) for place in places]))
        features = network.model.visual(pixels, (height // 16, width // 16))
        for place, feature in zip(places, features):
            parts[place] = feature
    return torch.cat(parts) if parts else None


def losses(network, trunk, batch, with_mtp):
    ids, labels, document, place, pictures = batch
    ids, labels, document, place = (torch.from_numpy(a) for a in (ids, labels, document, place))
    features = image_features(network, pictures) if pictures else None
    embedded = network.embed(ids, features, TOKEN_ID["<|image_pad|>"])
    context = packed_context(document)
    context["rope"] = network.rope(place)
    hidden = trunk(embedded, context)
    labelled = labels >= 0
    loss = F.cross_entropy(network.logits(hidden[labelled]).float(), labels[labelled])
    guess = hidden.new_zeros(())
    if with_mtp:
        # Position i sees the trunk's state there and the next token, and guesses the one after that.
        later = torch.full_like(labels, -1)
        later[:, :-1] = labels[:, 1:]
        later[document != torch.roll(document, -1, 1)] = -1
        following = network.embed(torch.roll(ids, -1, 1)).detach()
        state = network.mtp(following, hidden.detach(), context)
        chosen = later >= 0
        guess = F.cross_entropy(F.linear(state[chosen], network.model.language_model.embed_tokens.weight.detach()).float(), later[chosen])
    return loss, guess, int(labelled.sum())


def optimisers(network, rate):
    """Muon for the matrices of the layers, AdamW for everything else."""
    matrices, others = [], []
    for name, p in network.named_parameters():
        matrix = p.dim() == 2 and not any(part in name for part in ("embed", "in_proj_a", "in_proj_b"))
        (matrices if matrix else others).append(p)
    return [torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model", choices=list(SHAPES))
    ap.add_argument("--items", required=True, help="JSON lines of the train split (quote the pattern)")
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=60.0)
    ap.add_argument("--steps", type=int, help="end after so many steps instead of after --minutes")
    ap.add_argument("--rate", type=float, default=4e-3)
    ap.add_argument("--rows", type=int, default=16)
    ap.add_argument("--length", type=int, default=256)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--save-every", type=float, default=4.0, help="minutes")
    ap.add_argument("--mtp-every", type=int, default=3, help="train the guess of the token after next on every n-th step")
    ap.add_argument("--resume", action="store_true", help="go on from DIR/state.pt (weights and place, not momentum)")
    ap.add_argument("--grow-from", metavar="STATE", help="start as the smaller model of this state.pt, grown")
    ap.add_argument("--no-compile", action="store_true")
    a = ap.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.out, exist_ok=True)

    cells = defaultdict(list)
    for item in read_items(sorted(glob.glob(a.items))):
        cells[item.task, item.level].append(item)
    weights = np.array([TASK_WEIGHT[task] for task, _ in cells])
    network = Network(SHAPES[a.model])
    initialise(network, a.seed)
    trunk = network.model.language_model
    if not a.no_compile:
        # Layer by layer: all layers of one kind share their compiled code.
        for layer in [*trunk.layers, *network.mtp.layers]:
            layer.compile()
    opts = optimisers(network, a.rate)
    rng = np.random.default_rng(a.seed)
    log = open(os.path.join(a.out, "log.jsonl"), "a")
    started = saved = time.monotonic()
    step = tokens = since = 0
    before = 0.0
    sums = np.zeros(3)
    grown_from = None
    if a.grow_from:
        smaller = torch.load(a.grow_from, weights_only=True)
        grown_from = {key: smaller["facts"][key] for key in ("model", "steps", "tokens", "minutes")}
        grow(smaller["weights"], SHAPES[grown_from["model"]], network)
    if a.resume:
        state = torch.load(os.path.join(a.out, "state.pt"), weights_only=True)
        network.load_state_dict(state["weights"])
        step, tokens, before = (state["facts"][key] for key in ("steps", "tokens", "minutes"))
        rng = np.random.default_rng([a.seed, step])
    while True:
        elapsed = before + (time.monotonic() - started) / 60
        progress = step / a.steps if a.steps else elapsed / a.minutes
        if progress >= 1:
            break
        rate = a.rate * min(1.0, (since + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for opt in opts:
            for group in opt.param_groups:
                group["lr"] = rate
        batch = pack(draw_documents(cells, weights, 1.0 if grown_from else progress, rng, int(0.97 * a.rows * a.length)), a.rows, a.length)
        with torch.autocast("cpu", torch.bfloat16):
            loss, guess, count = losses(network, trunk, batch, step % a.mtp_every == 0)
        (loss + 0.5 * guess).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad(set_to_none=True)
        step, since = step + 1, since + 1
        tokens += int((batch[2] >= 0).sum())
        sums += [loss.item(), guess.item() * a.mtp_every, 1]
        if step % 50 == 0 or step in (1, 2, 5, 10, 20):
            row = dict(step=step, tokens=tokens, minutes=round(elapsed, 2), loss=round(sums[0] / sums[2], 4),
                       mtp=round(sums[1] / sums[2], 4), rate=round(rate, 6))
            print(json.dumps(row), file=log, flush=True)
            sums[:] = 0
        if time.monotonic() - saved > 60 * a.save_every:
            save(network, a, step, tokens, elapsed, grown_from)
            saved = time.monotonic()
    save(network, a, step, tokens, elapsed, grown_from)


def save(network, a, step, tokens, minutes, grown_from):
    path = os.path.join(a.out, "state.pt")
    facts = dict(model=a.model, seed=a.seed, steps=step, tokens=tokens, minutes=minutes, rate=a.rate, rows=a.rows, length=a.length,
                 grown_from=grown_from)
    torch.save(dict(weights=network.state_dict(), facts=facts), path + ".part")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
