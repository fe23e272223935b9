"""Items as the generator writes them (JSON lines), rendered to tokens and packed into rows of one length."""
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


def patches(image):
    """Pixels in the order of the vision tower: blocks of two by two patches, each patch [channel][frame][row][column]."""
    height, width, _ = image.shape
    x = image.astype(np.float32) / 127.5 - 1.0
    x = x.reshape(height // CELL, 2, 16, width // CELL, 2, 16, 3).transpose(0, 3, 1, 4, 6, 2, 5)
    x = np.repeat(x[:, :, :, :, :, None], 2, axis=5)
    return x.reshape(-1, 3 * 2 * 16 * 16)


def pack(documents, rows, length):
    """Lays documents (ids, labels from, cells, image) into `rows` rows, first fit; what does not fit is left out.

    Returns arrays and the pictures in the order of their tokens. Label -1 is no label; a label is the next token.
    """
    ids = np.full((rows, length), TOKEN_ID["<|endoftext|>"], np.int64)
    labels = np.full((rows, length), -1, np.int64)
    document = np.full((rows, length), -1, np.int64)
    place = np.zeros((3, rows, length), np.int64)
    fill = [0] * rows
    pictures = [[] for _ in range(rows)]
    for number, (tokens, answer_at, cells, image) in enumerate(documents):
        n = len(tokens)
        row = next((r for r in range(rows) if fill[r] + n <= length), None)
        if row is None:
            continue
        span = slice(fill[row], fill[row] + n)
        ids[row, span] = tokens
        labels[row, fill[row] + answer_at - 1:fill[row] + n - 1] = tokens[answer_at:]
        document[row, span] = number
        place[:, row, span] = positions(tokens, cells)
        if image is not None:
            pictures[row].append(image)
        fill[row] += n
    return ids, labels, document, place, [image for row in pictures for image in row]
