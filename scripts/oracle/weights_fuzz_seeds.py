#!/usr/bin/env python3
"""Small valid files from which the fuzz targets start.

    python scripts/oracle/weights_fuzz_seeds.py device-agent/weights/fuzz/corpus
"""
import json
import struct
import sys
from pathlib import Path

out = Path(sys.argv[1])


def put(target, name, content):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def safetensors(tensors):
    header, data = {}, b""
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += bytes((7 * i + 3) & 255 for i in range(size))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


L = "model.language_model.layers.0."
put("safetensors", "plain", safetensors({
    L + "input_layernorm.weight": ("BF16", [4], 8),
    L + "linear_attn.conv1d.weight": ("F32", [2, 1, 4], 32),
    L + "linear_attn.A_log": ("F32", [2], 8),
    L + "mlp.experts.gate_up_proj": ("F16", [2, 4, 4], 64),
    L + "mlp.experts.down_proj": ("F16", [2, 4, 2], 32),
    "model.visual.patch_embed.proj.weight": ("F16", [1, 3, 2, 2, 2], 48),
}))
M = "language_model.model.layers.0."
put("safetensors", "affine", safetensors({
    M + "mlp.down_proj.weight": ("U32", [2, 4], 32),
    M + "mlp.down_proj.scales": ("BF16", [2, 1], 4),
    M + "mlp.down_proj.biases": ("BF16", [2, 1], 4),
    M + "linear_attn.conv1d.weight": ("F32", [2, 4, 1], 32),
    M + "input_layernorm.weight": ("F16", [4], 8),
    "vision_tower.patch_embed.proj.weight": ("F32", [1, 2, 2, 2, 3], 96),
}))
put("safetensors", "mxfp4", safetensors({
    M + "mlp.switch_mlp.down_proj.weight": ("U32", [1, 2, 4], 32),
    M + "mlp.switch_mlp.down_proj.scales": ("U8", [1, 2, 1], 2),
}))
put("index", "one", json.dumps({"metadata": {}, "weight_map": {
    L + "input_layernorm.weight": "model-1.safetensors"}}).encode())
put("index", "away", json.dumps({"weight_map": {"a": "../model.safetensors"}}).encode())

block = {"group_size": 32, "bits": 4, "mode": "affine"}
put("config", "general", json.dumps({"quantization": block}).encode())
put("config", "modules", json.dumps({"quantization": block | {
    "language_model.model.layers.0.mlp.down_proj": {"group_size": 32, "bits": 4},
    "language_model.lm_head": False}, "quantization_config": block}).encode())
put("config", "shape", json.dumps({"tie_word_embeddings": True, "text_config": {
    "vocab_size": 8, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 1,
    "num_key_value_heads": 1, "head_dim": 32, "intermediate_size": 64, "full_attention_interval": 2,
    "linear_num_key_heads": 1, "linear_num_value_heads": 2, "linear_key_head_dim": 32,
    "linear_value_head_dim": 32, "linear_conv_kernel_dim": 4, "mtp_num_hidden_layers": 1},
    "vision_config": {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "patch_size": 2,
                      "temporal_patch_size": 2, "in_channels": 3, "spatial_merge_size": 1,
                      "out_hidden_size": 64, "num_position_embeddings": 4}}).encode())


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def pair(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def texts(items):
    return struct.pack("<IQ", 8, len(items)) + b"".join(text(i) for i in items)


def gguf(version, pairs, tensors):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs)
    offset = 0
    for name, (kind, dims, size) in tensors.items():
        head += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", kind, offset)
        offset += -(-size // 32) * 32
    head += b"\0" * (-len(head) % 32)
    return head + bytes((5 * i + 1) & 255 for i in range(offset))


common = [pair("general.architecture", 8, text("qwen35")), pair("qwen35.block_count", 4, struct.pack("<I", 2)),
          pair("qwen35.embedding_length", 4, struct.pack("<I", 32)),
          pair("qwen35.attention.head_count", 4, struct.pack("<I", 2))]
words = [pair("tokenizer.ggml.model", 8, text("gpt2")), pair("tokenizer.ggml.tokens", 9, texts(["a", "b", "<|image_pad|>"])),
         pair("tokenizer.ggml.token_type", 9, struct.pack("<IQ3i", 5, 3, 1, 1, 3)),
         pair("qwen35.rope.dimension_sections", 9, struct.pack("<IQ4i", 5, 4, 11, 11, 10, 0)),
         pair("qwen35.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-6))]
put("gguf", "model", gguf(3, common + words, {
    "token_embd.weight": (2, [32, 3], 54),
    "blk.0.attn_norm.weight": (0, [32], 128),
    "blk.0.ssm_a": (0, [2], 8),
    "blk.0.ssm_conv1d.weight": (0, [4, 2], 32),
    "blk.0.attn_qkv.weight": (8, [32, 2], 68),
    "blk.1.nextn.eh_proj.weight": (1, [4, 2], 16),
    "blk.0.ffn_down_exps.weight": (6, [32, 1, 2], 44),
}))
put("gguf", "blocks", gguf(2, common, {
    f"blk.0.ffn_{n}.weight": (k, [256], s) for n, k, s in (
        ("gate", 10, 84), ("up", 11, 110), ("down", 12, 144), ("gate_inp", 13, 176), ("norm", 14, 210))}))
put("gguf", "llama", gguf(3, [pair("general.architecture", 8, text("llama")),
    pair("llama.block_count", 4, struct.pack("<I", 1)), pair("llama.embedding_length", 4, struct.pack("<I", 8)),
    pair("llama.attention.head_count", 4, struct.pack("<I", 2))], {"blk.0.attn_q.weight": (30, [8, 8], 128)}))
put("gguf", "projector", gguf(3, [pair("general.architecture", 8, text("clip")),
    pair("clip.vision.projection_dim", 4, struct.pack("<I", 32))], {
    "v.patch_embd.weight": (0, [2, 2, 3, 1], 48), "v.patch_embd.weight.1": (1, [2, 2, 3, 1], 24)}))
