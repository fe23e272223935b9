"""Items as the generator writes them (JSON lines), rendered to tokens, positions and patches."""
import base64
import json
from dataclasses import dataclass

import numpy as np

from shapes import CELL, TOKEN_ID

IMAGE_PAD = TOKEN_ID["<|image_pad|>"]
IM_START, IM_END = TOKEN_ID["<|im_start|>"], TOKEN_ID["<|im_end|>"]
THINK, END_THINK = TOKEN_ID["<think>"], TOKEN_ID["</think>"]
VISION_START, VISION_END = TOKEN_ID["<|vision_start|>"], TOKEN_ID["<|vision_end|>"]


def encode(text):
    return list(text.encode())


@dataclass(slots=True)
class Item:
    task: str
    level: int
    prompt: str
    answer: str
    rationale: str
    chance: float
    image: np.ndarray | None

    @property
    def image_cells(self):
        """Rows and columns of merged picture tokens."""
        return (0, 0) if self.image is None else (self.image.shape[0] // CELL, self.image.shape[1] // CELL)


def read_items(paths):
    for path in paths:
        with open(path) as lines:
            for line in lines:
                row = json.loads(line)
                image = row["image"]
                if image:
                    pixels = np.frombuffer(base64.b64decode(image["rgb_base64"]), np.uint8)
                    image = pixels.reshape(image["height"], image["width"], 3)
                yield Item(row["task"], row["level"], row["prompt"], row["answer"], row["rationale"], row["chance"], image)


def prompt_ids(item, thinking):
    """What the chat template renders for one user message with the generation prompt."""
    rows, columns = item.image_cells
    picture = [VISION_START, *[IMAGE_PAD] * (rows * columns), VISION_END] if rows else []
    head = [IM_START, *encode("user\n"), *picture, *encode(item.prompt), IM_END, *encode("\n")]
    turn = [IM_START, *encode("assistant\n"), THINK, *encode("\n")]
    return head + turn + ([] if thinking else [*encode("\n"), END_THINK, *encode("\n\n")])


def answer_ids(item, thinking):
    if thinking:
        return [*encode(item.rationale + "\n"), END_THINK, *encode("\n\n" + item.answer), IM_END]
    return [*encode(item.answer), IM_END]


def positions(ids, cells):
    """The three rotary positions of every token; a picture occupies as many places as its longer side."""
    out, at, seen = np.zeros((3, len(ids)), np.int64), 0, 0
    rows, columns = cells
    i = 0
    while i < len(ids):
        if ids[i] == IMAGE_PAD:
            count = rows * columns
            grid = np.arange(count)
            out[0, i:i + count] = at
            out[1, i:i + count] = at + grid // columns
            out[2, i:i + count] = at + grid % columns
            at += max(rows, columns)
            i += count
            seen += 1
        else:
            out[:, i] = at
            at += 1
            i += 1
    assert seen == (1 if rows else 0)
    return out


def patches(pictures):
    """Pixels [N, height, width, 3] in the order of the vision tower: blocks of two by two patches, each patch
    [channel][frame][row][column]."""
    count, height, width, _ = pictures.shape
    x = pictures.float() / 127.5 - 1.0
    x = x.reshape(count, height // CELL, 2, 16, width // CELL, 2, 16, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
    return x.unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, 2, -1, -1).reshape(count, -1, 3 * 2 * 16 * 16)
