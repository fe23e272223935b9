"""Shows that network.py computes what transformers computes, on random weights, for text and a picture.

  python compare.py            prints the largest difference of the logits and fails above 1e-3
"""
import sys
import tempfile

import numpy as np
import torch

from decode import embed
from items import Item, patches, positions, prompt_ids
from network import Network, initialise, packed_context
from release import write_config, write_weights
from shapes import SHAPES, TOKEN_ID


def reference(folder):
    from transformers import Qwen3_5ForConditionalGeneration
    return Qwen3_5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def reference_inputs(ids, image):
    out = dict(input_ids=torch.tensor([ids]))
    if image is not None:
        height, width, _ = image.shape
        out.update(pixel_values=patches(torch.from_numpy(image)[None])[0], image_grid_thw=torch.tensor([[1, height // 16, width // 16]]),
                   mm_token_type_ids=(out["input_ids"] == TOKEN_ID["<|image_pad|>"]).int())
    return out


@torch.no_grad()
def own_logits(network, ids, item):
    padded = ids + [0] * (-len(ids) % 32)
    tokens = torch.tensor([padded])
    # Two copies in one row show that packed documents do not see each other.
    document = torch.zeros_like(tokens)
    document[:, len(ids):] = -1
    double = torch.cat([tokens, tokens], 1)
    context = packed_context(torch.cat([document, document + 2], 1))
    place = torch.from_numpy(positions(padded, item.image_cells))[:, None]
    context["rope"] = network.rope(torch.cat([place, place], 2))
    pictures = [] if item.image is None else [item.image, item.image]
    hidden = network.model.language_model(embed(network, double, pictures), context)
    return network.logits(hidden)[0, len(padded):len(padded) + len(ids)]


def main():
    rng = np.random.default_rng(3)
    worst = 0.0
    for name, shape in SHAPES.items():
        network = Network(shape).eval()
        initialise(network, 5)
        with torch.no_grad():
            for key, p in network.named_parameters():
                if p.dim() == 1 or "norm" in key:
                    p.add_(torch.randn_like(p) * 0.2)
        with tempfile.TemporaryDirectory() as folder:
            write_config(folder, shape)
            write_weights(folder, network)
            # The weights as they are on disk, rounded.
            other = reference(folder)
        known = dict(other.named_parameters())
        with torch.no_grad():
            for key, p in network.named_parameters():
                if not key.startswith("mtp."):
                    p.copy_(known[key].reshape(p.shape))
        for size in (None, (64, 64), (96, 96), (64, 96)):
            image = None if size is None else rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            item = Item("x", 1, "How many red? 12+34=", "", "", 0.0, image)
            ids = prompt_ids(item, thinking=False)
            with torch.no_grad():
                theirs = other(**reference_inputs(ids, image)).logits[0]
            gap = (own_logits(network, ids, item) - theirs).abs().max().item()
            worst = max(worst, gap)
            print(f"{name} picture {size}: largest difference {gap:.2e} of logits with deviation {theirs.std():.2f}")
    sys.exit(worst > 1e-3)


if __name__ == "__main__":
    main()
