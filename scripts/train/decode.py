"""Answers of a network: forced (is every answer token the most likely one?) and free (greedy, with a cache)."""
import numpy as np
import torch
import torch.nn.functional as F

from items import END_THINK, IM_END, IMAGE_PAD, answer_ids, patches, positions, prompt_ids
from network import CHUNK, mask, packed_context


def embed(network, ids, pictures):
    """Embedded ids with the features of all pictures, which are of one size, in their places."""
    if not pictures:
        return network.embed(ids)
    height, width, _ = pictures[0].shape
    features = network.model.visual(patches(torch.from_numpy(np.stack(pictures))), (height // 16, width // 16))
    return network.embed(ids, features.flatten(0, 1), (ids == IMAGE_PAD).flatten().nonzero()[:, 0])


@torch.no_grad()
def forced(network, items, thinking=False):
    """For each item whether greedy decoding without thinking would give exactly the answer, and how often the
    guess of the token after next is right among answer tokens."""
    sequences = [(prompt_ids(item, thinking), answer_ids(item, thinking)) for item in items]
    longest = max(len(p) + len(a) for p, a in sequences)
    longest += -longest % CHUNK
    ids = torch.zeros(len(items), longest, dtype=torch.long)
    labels, document = torch.full_like(ids, -1), torch.full_like(ids, -1)
    place = np.zeros((3, len(items), longest), np.int64)
    for row, (item, (prompt, answer)) in enumerate(zip(items, sequences)):
        whole = prompt + answer
        ids[row, :len(whole)] = torch.tensor(whole)
        labels[row, len(prompt) - 1:len(whole) - 1] = torch.tensor(answer)
        document[row, :len(whole)] = 0
        place[:, row, :len(whole)] = positions(whole, item.image_cells)
    context = packed_context(document)
    context["rope"] = network.rope(torch.from_numpy(place))
    pictures = [item.image for item in items if item.image is not None]
    hidden = network.model.language_model(embed(network, ids, pictures), context)
    wrong = (network.logits(hidden).argmax(-1) != labels) & (labels >= 0)
    later = F.pad(labels[:, 1:], (0, 1), value=-1)
    guess = network.logits(network.mtp(network.embed(torch.roll(ids, -1, 1)), hidden, context)).argmax(-1)
    asked = later >= 0
    return (~wrong.any(1)).tolist(), int(((guess == later) & asked).sum()), int(asked.sum())


@torch.no_grad()
def free(network, items, thinking, limit):
    """Greedy tokens for every item until the end of the turn, or None where `limit` came first."""
    prompts = [prompt_ids(item, thinking) for item in items]
    longest = max(map(len, prompts))
    longest += -longest % CHUNK
    n = len(items)
    ids, real = torch.zeros(n, longest, dtype=torch.long), torch.zeros(n, longest, dtype=torch.bool)
    place = np.zeros((3, n, longest), np.int64)
    for row, (item, prompt) in enumerate(zip(items, prompts)):
        ids[row, -len(prompt):] = torch.tensor(prompt)
        real[row, -len(prompt):] = True
        place[:, row, longest - len(prompt):] = positions(prompt, item.image_cells)
    place = torch.from_numpy(place)
    trunk = network.model.language_model
    caches = [{} for _ in trunk.layers]
    see = real[:, None, :] & torch.ones(longest, longest, dtype=torch.bool).tril()
    context = dict(real=real.float(), see=mask(see), rope=network.rope(place))
    pictures = [item.image for item in items if item.image is not None]
    hidden = trunk(embed(network, ids, pictures), context, caches)[:, -1:]
    at, out, done = place.amax((0, 2)) + 1, [[] for _ in items], torch.zeros(n, dtype=torch.bool)
    for _ in range(limit):
        token = network.logits(hidden)[:, 0].argmax(-1)
        for row in (~done).nonzero().flatten().tolist():
            out[row].append(int(token[row]))
        done |= token == IM_END
        if bool(done.all()):
            break
        real = F.pad(real, (0, 1), value=True)
        context = dict(see=mask(real[:, None, :]), rope=network.rope(at[None, :, None].expand(3, n, 1)))
        hidden = trunk(network.embed(token[:, None]), context, caches)
        at = at + 1
    return [tokens if finished else None for tokens, finished in zip(out, done.tolist())]


def final_answer(tokens, thinking):
    """The text after the thoughts, or None where the turn or the thoughts did not end."""
    if tokens is None or (thinking and END_THINK not in tokens):
        return None
    if thinking:
        tokens = tokens[len(tokens) - tokens[::-1].index(END_THINK):]
    return bytes(token for token in tokens if token < 256).decode(errors="replace").strip()
