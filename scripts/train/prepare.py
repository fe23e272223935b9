"""Lays items out as training batches, so that training reads numbers only: FILE.npz.

  python prepare.py --items 'DIR/train-*.jsonl' --batches 200 --seed 1 --out DIR/batches-1.npz

Several files, made at the same time from other seeds, are trained on together. Early batches have more of the
easy levels.
"""
import argparse
import glob
import math
from collections import defaultdict

import numpy as np

from items import IMAGE_PAD, answer_ids, positions, prompt_ids, read_items
from shapes import TOKEN_ID

# How often a task is drawn. What needs a tower or many steps is drawn more often than what is soon learnt.
TASK_WEIGHT = {"add": 2.0, "subtract": 1.5, "multiply": 1.5, "copy": 0.8, "reverse": 1.0, "replace": 1.0, "logic": 1.2,
               "order": 1.2, "sort": 1.2, "lookup": 1.2, "count": 1.6, "compare": 1.2, "read": 2.0, "bars": 1.2,
               "spatial": 1.4, "maze": 0.8}
THINKING_SHARE = 0.35
# Pictures of each size in a batch, for every row of tokens; a document whose picture finds no place waits.
PICTURES_PER_ROW = {64: 1.25, 96: 1.25}
NO_DOCUMENT = 255


class Document:
    """One item with one way to its answer."""

    __slots__ = ("ids", "answer_at", "place", "side", "picture")

    def __init__(self, item, thinking, pictures):
        prompt = prompt_ids(item, thinking)
        ids = prompt + answer_ids(item, thinking)
        self.ids, self.answer_at = np.array(ids, np.uint16), len(prompt)
        self.place = positions(ids, item.image_cells).astype(np.uint8)
        self.side = 0
        if item.image is not None:
            self.side = item.image.shape[0]
            self.picture = len(pictures[self.side])
            pictures[self.side].append(item.image)


def easy_first(levels, progress):
    """How often each level is drawn, in a training that is so far through."""
    return np.exp(-(levels - 1) * (1.2 - 0.9 * min(1.0, 2 * progress)))


class Drawer:
    """Draws random documents of all tasks and levels."""

    def __init__(self, cells, rng):
        self.cells, self.rng = list(cells.values()), rng
        self.weights = np.array([TASK_WEIGHT[task] for task, _ in cells])
        self.levels = np.array([level for _, level in cells])

    def draw(self, tokens, progress):
        """Documents of about `tokens` tokens in all."""
        chance = self.weights * easy_first(self.levels, progress)
        # No document is shorter than 16 tokens, so these are enough.
        for cell in self.rng.choice(len(self.cells), tokens // 16, p=chance / chance.sum()):
            pairs = self.cells[cell]
            document = pairs[self.rng.integers(len(pairs))][int(self.rng.random() < THINKING_SHARE)]
            tokens -= len(document.ids)
            if tokens < 0:
                return
            yield document


def lay_out(documents, rows, length):
    """Fills `rows` rows, longest documents first, each in the first row with room; what does not fit is left out."""
    batch = dict(ids=np.full((rows, length), TOKEN_ID["<|endoftext|>"], np.uint16), answer=np.zeros((rows, length), bool),
                 document=np.full((rows, length), NO_DOCUMENT, np.uint8), place=np.zeros((3, rows, length), np.uint8))
    slots = {side: math.ceil(share * rows) for side, share in PICTURES_PER_ROW.items()}
    for side, count in slots.items():
        batch[f"picture{side}"] = np.zeros(count, np.int32)
        # Past the end of the tokens: the place of what no token asks for.
        batch[f"at{side}"] = np.full((count, (side // 32) ** 2), rows * length, np.int32)
    used, fill, numbers = dict.fromkeys(slots, 0), np.zeros(rows, int), [0] * rows
    for document in sorted(documents, key=lambda document: -len(document.ids)):
        size = len(document.ids)
        row = int(np.argmax(fill + size <= length))
        if fill[row] + size > length or (document.side and used[document.side] == slots[document.side]):
            continue
        start = fill[row]
        span = slice(start, start + size)
        batch["ids"][row, span] = document.ids
        batch["answer"][row, start + document.answer_at:start + size] = True
        batch["document"][row, span] = numbers[row]
        batch["place"][:, row, span] = document.place
        if document.side:
            slot = used[document.side]
            batch[f"picture{document.side}"][slot] = document.picture
            batch[f"at{document.side}"][slot] = row * length + start + np.flatnonzero(document.ids == IMAGE_PAD)
            used[document.side] += 1
        numbers[row] += 1
        fill[row] += size
    return batch


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--items", required=True, help="JSON lines of the train split (quote the pattern)")
    ap.add_argument("--batches", type=int, required=True)
    ap.add_argument("--rows", type=int, default=16)
    ap.add_argument("--length", type=int, default=256)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    cells, pictures = defaultdict(list), {side: [] for side in PICTURES_PER_ROW}
    for item in read_items(sorted(glob.glob(a.items))):
        cells[item.task, item.level].append([Document(item, thinking, pictures) for thinking in (False, True)])
    drawer = Drawer(cells, np.random.default_rng(a.seed))
    tokens = int(0.97 * a.rows * a.length)
    batches = [lay_out(drawer.draw(tokens, number / a.batches), a.rows, a.length) for number in range(a.batches)]
    arrays = {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}
    np.savez(a.out, **arrays, **{f"pixels{side}": np.stack(all) for side, all in pictures.items()})
    print(f"{a.out}: {(arrays['document'] != NO_DOCUMENT).sum():,} tokens in {a.batches} batches")


if __name__ == "__main__":
    main()
