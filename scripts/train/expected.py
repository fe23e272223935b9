"""Greedy tokens of a few fixed prompts by transformers, in float32 from the saved weights: expected.json.

  python expected.py ../../suites/embedded/tiny-5m --items held-out.jsonl

Renders through the folder's own tokenizer and chat template and fails where those differ from what the
network was trained on, so the files are checked against each other as well.
"""
import argparse
import hashlib
import json
import os

import torch
from PIL import Image
from transformers import AutoTokenizer, Qwen2VLImageProcessor

from compare import reference, reference_inputs
from decode import embed
from evaluate import open_folder
from items import IM_END, IMAGE_PAD, Item, patches, positions, prompt_ids, read_items
from network import CHUNK, packed_context
from release import dump

TOKENS = 24
TEXTS = [("sum", "12+34=", False), ("sum, thinking", "12+34=", True), ("backwards", "reverse abcde", False),
         ("lookup", "a=3 b=7 c=1 b?", False), ("logic, thinking", "p=1 q=0. p or q?", True),
         ("beyond the training", "Grüße, 東京! 🎉", False)]


@torch.no_grad()
def greedy(model, ids, image):
    """Tokens without a cache, and the smallest lead of a chosen token over the runner-up."""
    out, lead = [], float("inf")
    for _ in range(TOKENS):
        logits = model(**reference_inputs(ids + out, image), use_cache=False).logits[0, -1]
        best = logits.topk(2)
        lead = min(lead, (best.values[0] - best.values[1]).item())
        out.append(int(best.indices[0]))
        if out[-1] == IM_END:
            break
    return out, lead


@torch.no_grad()
def drafts(network, ids, answer, item):
    """What the MTP head guesses for every answer token but the first, from the states before them.

    Computed by network.py, since transformers does not load the head; the head sees the whole sequence.
    """
    whole = ids + answer
    tokens = torch.tensor([whole + [0] * (-len(whole) % CHUNK)])
    document = torch.zeros_like(tokens)
    document[:, len(whole):] = -1
    context = packed_context(document)
    context["rope"] = network.rope(torch.from_numpy(positions(tokens[0].tolist(), item.image_cells))[:, None])
    hidden = network.model.language_model(embed(network, tokens, [] if item.image is None else [item.image]), context)
    state = network.mtp(network.embed(torch.roll(tokens, -1, 1)), hidden, context)
    return network.logits(state).argmax(-1)[0, len(ids) - 1:len(whole) - 2].tolist()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder")
    ap.add_argument("--items", required=True)
    a = ap.parse_args()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(a.folder)
    processor = Qwen2VLImageProcessor.from_pretrained(a.folder)
    model, network = reference(a.folder), open_folder(a.folder)
    # 96 pixels and several colours: the larger picture size, and not grey.
    pictured = next(item for item in read_items([a.items]) if item.task == "count" and item.level == 4)
    cases = []
    items = [(name, Item("", 0, text, "", "", 0.0, None), thinking) for name, text, thinking in TEXTS]
    for name, item, thinking in [*items, ("picture", pictured, False), ("picture, thinking", pictured, True)]:
        content = [dict(type="text", text=item.prompt)]
        if item.image is not None:
            content.insert(0, dict(type="image"))
        rendered = tokenizer.apply_chat_template([dict(role="user", content=content)], tokenize=False,
                                                 add_generation_prompt=True, enable_thinking=thinking)
        rows, columns = item.image_cells
        expanded = rendered.replace("<|image_pad|>", "<|image_pad|>" * max(1, rows * columns))
        ids = tokenizer(expanded, add_special_tokens=False)["input_ids"]
        assert ids == prompt_ids(item, thinking), f"{name}: template or tokenizer differ from the training"
        out, lead = greedy(model, ids, item.image)
        case = dict(name=name, thinking=thinking, user=item.prompt, rendered=rendered, ids=ids, expected_ids=out,
                    expected_text=tokenizer.decode(out), smallest_lead=round(lead, 4),
                    draft_ids=drafts(network, ids, out, item), picture=None)
        if item.image is not None:
            pixels = processor(images=[Image.fromarray(item.image)], return_tensors="pt")["pixel_values"]
            assert (pixels - patches(torch.from_numpy(item.image)[None])[0]).abs().max() < 1e-5, "the image processor differs"
            Image.fromarray(item.image).save(os.path.join(a.folder, "expected.png"))
            case["picture"] = dict(file="expected.png", width=item.image.shape[1], height=item.image.shape[0],
                                   rgb_sha256=hashlib.sha256(item.image.tobytes()).hexdigest(), answer=item.answer)
        assert ids.count(IMAGE_PAD) == rows * columns
        cases.append(case)
        print(name, json.dumps(case["expected_text"]), f"lead {lead:.3f}")
    dump(a.folder, "expected.json", dict(computed_by="transformers, float32, greedy, no cache; draft_ids by scripts/train/network.py", cases=cases))


if __name__ == "__main__":
    main()
