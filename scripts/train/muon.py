"""Muon: momentum made orthogonal, for matrices; the matrices of one shape take their step together.

The rate is a tensor, so that a recorded step can be replayed with another one.
"""
import math

import torch

MOMENTUM, DECAY = 0.95, 0.05


def orthogonal(x):
    """The nearest matrices with all singular values about one, by five steps of Newton and Schulz."""
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x).float()


class Muon:
    def __init__(self, matrices, rate):
        self.rate, shapes = rate, {}
        for p in matrices:
            shapes.setdefault(p.shape, []).append(p)
        self.groups = [(group, torch.zeros(len(group), *shape, device=rate.device)) for shape, group in shapes.items()]

    @torch.no_grad()
    def step(self):
        for group, momentum in self.groups:
            grad = torch.stack([p.grad for p in group])
            momentum.lerp_(grad, 1 - MOMENTUM)
            # Scaled so that a step is about as long as one of AdamW.
            change = orthogonal(grad.lerp(momentum, MOMENTUM)) * (0.2 * math.sqrt(max(grad.shape[1:])))
            torch._foreach_mul_(group, 1 - self.rate * DECAY)
            torch._foreach_sub_(group, list((change * self.rate).unbind()))

    def zero_grad(self):
        for group, _ in self.groups:
            for p in group:
                p.grad = None
