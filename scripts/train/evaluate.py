"""Held-out accuracy of a checkpoint folder, per task and level, with thinking off and on.

  python evaluate.py ../../suites/embedded/tiny-5m --items held-out.jsonl --out results.json

Thinking off is scored without decoding: greedy decoding gives exactly the answer if and only if every answer
token is the most likely one after its predecessors. Thinking on is decoded.
"""
import argparse
import json
import time
from collections import defaultdict

import torch
from safetensors.torch import load_file

from decode import final_answer, forced, free
from items import answer_ids, read_items
from network import Network
from shapes import SHAPES


def open_folder(folder):
    network = Network(SHAPES[folder.rstrip("/").split("/")[-1]])
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(f"{folder}/model.safetensors").items()})
    return network.eval()


def batches(items, tokens=16384):
    """Groups of items of like length, so that little is padded."""
    ordered = sorted(items, key=lambda item: len(item.prompt))
    start = 0
    while start < len(ordered):
        count = max(1, tokens // (64 + len(ordered[start].prompt)))
        yield ordered[start:start + count]
        start += count


def measure(network, cells, direct_items, thinking_items):
    for (task, level), items in sorted(cells.items()):
        # A long prompt costs as much as many short ones.
        share = 5 if len(items[0].prompt) > 1000 else 1
        chosen = items[:direct_items // share]
        right, drafted, offered = {}, 0, 0
        for batch in batches(chosen):
            flags, good, asked = forced(network, batch)
            right.update((id(item), flag) for item, flag in zip(batch, flags))
            drafted, offered = drafted + good, offered + asked
        row = dict(task=task, level=level, chance=items[0].chance, off=tally(chosen, right),
                   draft=dict(tokens=offered, right=drafted))
        chosen = items[:thinking_items // share]
        right, unfinished = {}, 0
        for batch in batches(chosen, 8192):
            # What is not done well after the longest right way to the answer goes round in circles.
            limit = min(240, max(len(answer_ids(item, True)) for item in batch) * 5 // 4 + 8)
            for item, tokens in zip(batch, free(network, batch, True, limit)):
                answer = final_answer(tokens, True)
                right[id(item)] = answer == item.answer
                unfinished += answer is None
        row["on"] = dict(tally(chosen, right), unfinished=unfinished)
        yield row


def tally(items, right):
    """With a mark for each item, in the order of the file: two models are compared item by item."""
    marks = [int(right[id(item)]) for item in items]
    return dict(items=len(items), right=sum(marks), marks="".join(map(str, marks)))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder")
    ap.add_argument("--items", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--direct", type=int, default=300, help="items a cell with thinking off; a fifth where prompts are long")
    ap.add_argument("--thinking", type=int, default=60, help="items a cell with thinking on, likewise")
    a = ap.parse_args()
    torch.set_num_threads(1)
    cells = defaultdict(list)
    for item in read_items([a.items]):
        cell = cells[item.task, item.level]
        if len(cell) < max(a.direct, a.thinking):
            cell.append(item)
    network, started, rows = open_folder(a.folder), time.monotonic(), []
    for row in measure(network, cells, a.direct, a.thinking):
        rows.append(row)
        print(json.dumps(row), flush=True)
    with open(a.out, "w") as out:
        lines = ",\n".join(json.dumps(row) for row in rows)
        out.write(f'{{"rows": [\n{lines}\n]}}\n')
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
