#!/usr/bin/env python3
"""Writes tiny random checkpoints of the comparator families with the logits that transformers computes for them.

    pip install torch transformers safetensors
    make_tiny_comparators.py device-agent/comparators/tests/data

One folder per family: config.json, model.safetensors (f32), reference.json (ids and the logits of every position).
Norm weights are random too, so that a swapped or forgotten norm shows. The family that sees has reference.safetensors
instead: a prompt of two pictures cut into patches, and three tokens after it.
"""

import json
import pathlib
import sys

IDS = [3, 17, 90, 4, 4, 61, 8, 33, 70, 2, 11, 95, 0, 52, 19, 44, 80, 7, 23, 66]
COMMON = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2,
              max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=None, attn_implementation="eager")


def families():
    from transformers import Gemma3TextConfig, LlamaConfig, Phi3Config, Qwen2Config, Qwen3Config

    scaled = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=32)
    return {
        "llama": LlamaConfig(**COMMON, num_hidden_layers=2, tie_word_embeddings=True, rope_parameters=scaled),
        "qwen2": Qwen2Config(**COMMON, num_hidden_layers=2, tie_word_embeddings=False),
        "qwen3": Qwen3Config(**COMMON, num_hidden_layers=2, head_dim=16, tie_word_embeddings=True),
        "gemma3": Gemma3TextConfig(**COMMON, num_hidden_layers=6, head_dim=16, query_pre_attn_scalar=16, sliding_window=64),
        "phi3": Phi3Config(**COMMON, num_hidden_layers=2, tie_word_embeddings=False, sliding_window=64),
    }


def seeing():
    from transformers import Qwen3VLConfig

    rope = dict(rope_type="default", rope_theta=5000000.0, mrope_section=[4, 2, 2], mrope_interleaved=True)
    text = dict(COMMON, num_hidden_layers=4, head_dim=16, rope_parameters=rope)
    vision = dict(depth=4, hidden_size=32, num_heads=4, intermediate_size=48, out_hidden_size=32, patch_size=4,
                  spatial_merge_size=2, temporal_patch_size=2, num_position_embeddings=36, deepstack_visual_indexes=[0, 2])
    return Qwen3VLConfig(text_config=text, vision_config=vision, image_token_id=90, video_token_id=91,
                         vision_start_token_id=92, vision_end_token_id=93, tie_word_embeddings=True,
                         attn_implementation="eager")


def randomise(model, name):
    import torch

    with torch.no_grad():
        for tensor in model.parameters():
            # Large enough that logits differ by units, not by rounding.
            tensor.copy_(torch.randn_like(tensor) * (0.3 if tensor.dim() == 1 else tensor.shape[-1] ** -0.5))
            if tensor.dim() == 1 and "gemma" not in name:
                tensor.add_(1.0)


def write_seeing(path):
    import torch
    from safetensors.torch import save_file
    from transformers import Qwen3VLForConditionalGeneration

    torch.manual_seed(20260402)
    model = Qwen3VLForConditionalGeneration(seeing()).float().eval()
    randomise(model, "qwen3_vl")
    model.tie_weights()
    grids = torch.tensor([[1, 4, 6], [1, 2, 4]])
    pixels = torch.randn(32, 3 * 2 * 4 * 4)
    prompt, after = [3, 92, *[90] * 6, 93, 17, 92, 90, 90, 93, 44, 8], [61, 5, 70]
    kinds = lambda ids: torch.tensor([[int(token == 90) for token in ids]])
    with torch.no_grad():
        first = model(input_ids=torch.tensor([prompt]), pixel_values=pixels, image_grid_thw=grids,
                      mm_token_type_ids=kinds(prompt), use_cache=True)
        rows, cache = [first.logits[0]], first.past_key_values
        for token in after:
            step = model(input_ids=torch.tensor([[token]]), past_key_values=cache, use_cache=True)
            rows, cache = [*rows, step.logits[0]], step.past_key_values
    path.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(path, safe_serialization=True)
    (path / "generation_config.json").unlink(missing_ok=True)
    logits = torch.cat(rows)
    save_file(dict(prompt=torch.tensor(prompt), after=torch.tensor(after), grids=grids, pixels=pixels, logits=logits),
              path / "reference.safetensors")
    print(f"qwen3_vl {sum(p.numel() for p in model.parameters())} parameters, logits {logits.min():.2f}..{logits.max():.2f}")


def main():
    import torch
    from transformers import AutoModelForCausalLM

    folder = pathlib.Path(sys.argv[1])
    for name, config in families().items():
        torch.manual_seed(20260401)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        randomise(model, name)
        model.tie_weights()
        with torch.no_grad():
            logits = model(torch.tensor([IDS])).logits[0]
        path = folder / name
        path.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(path, safe_serialization=True)
        (path / "generation_config.json").unlink(missing_ok=True)
        rows = [[round(value, 6) for value in row] for row in logits.tolist()]
        (path / "reference.json").write_text(json.dumps({"ids": IDS, "logits": rows}) + "\n")
        print(name, f"{sum(p.numel() for p in model.parameters())} parameters, logits {logits.min():.2f}..{logits.max():.2f}")
    write_seeing(folder / "qwen3_vl")


if __name__ == "__main__":
    main()
