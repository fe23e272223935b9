"""Turns a smaller trained network into a larger one that computes exactly the same, and then can learn more.

Layers beyond the smaller one's write nothing at first, because their last matrix is zero; so do the added
inner columns of every MLP. Key heads of the delta layers are repeated until each value head has its own.

  python grow.py STATE        checks that both networks agree, on random text and a random picture
"""
import sys

import torch

from network import Network, initialise, packed_context
from shapes import SHAPES

# The matrices through which a layer writes into the residual stream.
WRITERS = ("out_proj.weight", "o_proj.weight", "down_proj.weight", "attn.proj.weight", "linear_fc2.weight",
           "attn.proj.bias", "linear_fc2.bias")


def spread_key_heads(weight, old, new):
    """Rows of queries, keys and values, with every key head repeated new/old times."""
    d, key_heads, times = old["linear_key_head_dim"], old["linear_num_key_heads"], new["linear_num_key_heads"] // old["linear_num_key_heads"]
    q, k, v = weight.split([key_heads * d, key_heads * d, weight.shape[0] - 2 * key_heads * d])
    q, k = (part.unflatten(0, (key_heads, d)).repeat_interleave(times, 0).flatten(0, 1) for part in (q, k))
    return torch.cat([q, k, v])


@torch.no_grad()
def grow(weights, small_shape, network):
    old, new = small_shape["text"], network.text_config
    for name, p in network.named_parameters():
        if name not in weights:
            if name.endswith(WRITERS) and "merger" not in name:
                p.zero_()
            continue
        value = weights[name]
        if "in_proj_qkv" in name or "conv1d" in name:
            value = spread_key_heads(value, old, new)
        if value.shape == p.shape:
            p.copy_(value)
        else:
            # Wider inside: what is new is read through zero columns and so is silent at first.
            if name.endswith(WRITERS):
                p.zero_()
            p[tuple(slice(0, size) for size in value.shape)] = value


def outputs(network, ids, pixels):
    context = packed_context(torch.zeros_like(ids))
    context["rope"] = network.rope(torch.arange(ids.shape[1]).expand(3, 1, -1))
    hidden = network.model.language_model(network.embed(ids), context)
    return [hidden, network.mtp(network.embed(ids), hidden, context), network.model.visual(pixels, (4, 6))]


@torch.no_grad()
def main():
    state = torch.load(sys.argv[1], weights_only=True)
    small, large = Network(SHAPES["tiny-1m"]), Network(SHAPES["tiny-5m"])
    small.load_state_dict(state["weights"])
    initialise(large, 1)
    grow(state["weights"], SHAPES["tiny-1m"], large)
    ids, pixels = torch.randint(0, 256, (1, 64)), torch.randn(2, 24, 1536)
    gap = max((a - b).abs().max().item() for a, b in zip(outputs(small, ids, pixels), outputs(large, ids, pixels)))
    print(f"largest difference {gap:.2e}")
    sys.exit(gap > 1e-3)


if __name__ == "__main__":
    main()
