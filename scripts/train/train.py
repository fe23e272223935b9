"""Trains one of the embedded models on prepared batches.

  python train.py tiny-5m --batches 'DIR/batches-*.npz' --minutes 60 --out DIR

The learning rate falls along a cosine over the minutes given (or --steps), so a slow machine sees fewer tokens
but still ends well. The weights are saved every few minutes, rounded as they are released, as DIR/state.pt.
"""
import argparse
import glob
import json
import math
import os
import platform
import time

import numpy as np
import torch
import torch.nn.functional as F

from items import patches
from muon import Muon
from network import Network, initialise, packed_context, released
from prepare import NO_DOCUMENT, PICTURES_PER_ROW
from shapes import SHAPES

# Every so many steps the host waits for the device, looks at the clock and may write a line of the log.
LOOK_EVERY = 10


class Batches:
    """All prepared batches on the device, and the one in use in tensors that never move."""

    def __init__(self, paths, device):
        files = [np.load(path) for path in paths]
        self.arrays = {name: torch.from_numpy(np.concatenate([file[name] for file in files])).to(device)
                       for name in files[0].files if not name.startswith("picture")}
        offsets = {side: np.cumsum([0] + [len(file[f"pixels{side}"]) for file in files]) for side in PICTURES_PER_ROW}
        for side, starts in offsets.items():
            numbers = [file[f"picture{side}"] + start for file, start in zip(files, starts)]
            self.arrays[f"picture{side}"] = torch.from_numpy(np.concatenate(numbers)).to(device)
        self.tokens = (self.arrays["document"] != NO_DOCUMENT).sum((1, 2)).tolist()
        # How far through the training each batch was made for.
        self.due = np.concatenate([np.arange(len(file["ids"])) / len(file["ids"]) for file in files])
        self.now = {name: array[0].clone() for name, array in self.arrays.items() if not name.startswith("pixels")}

    def choose(self, progress, rng):
        """A batch made for about now; the second half of the training draws from all of its batches."""
        low, high = (progress - 0.05, progress + 0.05) if progress < 0.5 else (0.5, 1.0)
        fitting = np.flatnonzero((self.due >= low) & (self.due <= high))
        chosen = int(rng.choice(fitting if len(fitting) else len(self.due)))
        for name, tensor in self.now.items():
            tensor.copy_(self.arrays[name][chosen])
        return self.tokens[chosen]

    def pictures(self):
        """Of each size: the pixels of every picture of the batch in use, and the places of its features."""
        for side in PICTURES_PER_ROW:
            yield side, self.arrays[f"pixels{side}"].index_select(0, self.now[f"picture{side}"]), self.now[f"at{side}"].flatten().long()


def losses(network, trunk, batches):
    """Of the next token, on all rows; and of the token after next, on a third of them."""
    ids, document, place = (batches.now[name].long() for name in ("ids", "document", "place"))
    features, at = [], []
    for side, pixels, places in batches.pictures():
        features.append(network.model.visual(patches(pixels), (side // 16, side // 16)).flatten(0, 1))
        at.append(places)
    embedded = network.embed(ids, torch.cat(features), torch.cat(at))
    context = dict(packed_context(document), rope=network.rope(place))
    hidden = trunk(embedded, context)
    following, answered = torch.roll(ids, -1, 1), torch.roll(batches.now["answer"], -1, 1)
    labels = following.where(answered, -1)
    loss = cross_entropy(network.logits(hidden), labels)
    # Position i sees the trunk's state there and the next token, and guesses the one after that.
    some = slice(0, math.ceil(len(ids) / 3))
    later = torch.roll(labels, -1, 1)[some].where((document == torch.roll(document, -1, 1))[some], -1)
    context = dict(packed_context(document[some]), rope=tuple(part[some] for part in context["rope"]))
    state = network.mtp(network.embed(following[some]).detach(), hidden[some].detach(), context)
    guess = cross_entropy(F.linear(state, network.model.language_model.embed_tokens.weight.detach()), later)
    return loss, guess


def cross_entropy(logits, labels):
    return F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=-1)


def optimisers(network, rate):
    """Muon for the matrices of the layers, AdamW for everything else."""
    matrices, others = [], []
    for name, p in network.named_parameters():
        matrix = p.dim() == 2 and not any(part in name for part in ("embed", "in_proj_a", "in_proj_b"))
        (matrices if matrix else others).append(p)
    return [Muon(matrices, rate),
            torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True, capturable=rate.is_cuda)]


def make_step(network, batches, rate, compiled):
    """A function that trains on the batch in use and adds both losses to the sums it returns."""
    trunk, opts = network.model.language_model, optimisers(network, rate)
    sums = torch.zeros(2, device=rate.device)
    if compiled:
        # Layer by layer: all layers of one kind share their compiled code.
        for layer in [*trunk.layers, *network.mtp.layers]:
            layer.compile(dynamic=False)

    def step():
        for opt in opts:
            opt.zero_grad()
        with torch.autocast(rate.device.type, torch.bfloat16, cache_enabled=False):
            loss, guess = losses(network, trunk, batches)
        (loss + 0.5 * guess).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for opt in opts:
            opt.step()
        sums.add_(torch.stack([loss.detach(), guess.detach()]))

    return step, sums


def recorded(step):
    """On a graphics processor a step of so small a network is mostly launches; recorded, it is one launch."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model", choices=list(SHAPES))
    ap.add_argument("--batches", required=True, help="what prepare.py wrote (quote the pattern)")
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=60.0)
    ap.add_argument("--steps", type=int, help="end after so many steps instead of after --minutes")
    ap.add_argument("--rate", type=float, default=4e-3)
    ap.add_argument("--seed", type=int, default=7)
    ap.add_argument("--save-every", type=float, default=4.0, help="minutes")
    ap.add_argument("--device", default="cpu", help="cpu or cuda")
    ap.add_argument("--no-compile", action="store_true")
    a = ap.parse_args()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    os.makedirs(a.out, exist_ok=True)

    network = Network(SHAPES[a.model])
    initialise(network, a.seed)
    network.to(a.device)
    batches = Batches(sorted(glob.glob(a.batches)), a.device)
    rate, rng = torch.zeros((), device=a.device), np.random.default_rng(a.seed)
    step, sums = make_step(network, batches, rate, not a.no_compile)
    batches.choose(0.0, rng)
    if a.device == "cuda":
        # With a rate of nothing: the steps before the recording move no weight.
        step = recorded(step)
        sums.zero_()
    log = open(os.path.join(a.out, "log.jsonl"), "a")
    started = saved = time.monotonic()
    count = tokens = since = 0
    progress = elapsed = 0.0
    while progress < 1:
        rate.fill_(a.rate * min(1.0, (count + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))))
        tokens += batches.choose(progress, rng)
        step()
        count, since = count + 1, since + 1
        if a.steps:
            progress = count / a.steps
        if count % LOOK_EVERY == 0 or progress >= 1:
            means = (sums / since).tolist()
            elapsed = (time.monotonic() - started) / 60
            progress = progress if a.steps else elapsed / a.minutes
            if count % (10 * LOOK_EVERY) == 0 or count <= 5 * LOOK_EVERY:
                row = dict(step=count, tokens=tokens, minutes=round(elapsed, 3), loss=round(means[0], 4), mtp=round(means[1], 4))
                print(json.dumps(row), file=log, flush=True)
                sums.zero_()
                since = 0
            if time.monotonic() - saved > 60 * a.save_every:
                save(network, a, count, tokens, elapsed)
                saved = time.monotonic()
    save(network, a, count, tokens, elapsed)


def hardware(device):
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    return f"{torch.cuda.get_device_name() if device == 'cuda' else 'one thread of a processor'}, with {versions}"


def save(network, a, steps, tokens, minutes):
    path = os.path.join(a.out, "state.pt")
    facts = dict(model=a.model, seed=a.seed, steps=steps, tokens=tokens, minutes=minutes, rate=a.rate, hardware=hardware(a.device))
    torch.save(dict(weights={name: released(name, p) for name, p in network.named_parameters()}, facts=facts), path + ".part")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
