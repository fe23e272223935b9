#!/usr/bin/env python3
"""Golden vectors of stored number formats, made by the reference implementations.

    pip install 'mlx[cpu]==0.32.4' 'gguf==0.19.0' numpy
    python scripts/oracle/weights_goldens.py device-agent/weights/tests/golden

Writes mlx.safetensors (codes, scales, biases and dequantised values of every MLX mode) and ggml.safetensors
(raw blocks and dequantised values of GGUF's block types; for the types whose reference quantizer is in
Python also the source values). Both references are MIT; the vectors are computed from seeded noise and are
free of anyone's data.
"""
import sys
from pathlib import Path

import gguf
import mlx.core as mx
import numpy as np
from gguf import quants

out = Path(sys.argv[1])
rng = np.random.default_rng(20)

# One ordinary row, and one whose groups are all-equal, all-zero, one-sided and tiny.
w = rng.normal(size=(2, 256)).astype(np.float32)
w[1, :64] = 0.25
w[1, 64:128] = 0.0
w[1, 128:192] = np.abs(w[1, 128:192])
w[1, 192:] *= 1e-6

tensors = {"w": mx.array(w)}
for dtype, name in ((mx.float32, "f32"), (mx.bfloat16, "bf16"), (mx.float16, "f16")):
    for bits in (2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            q, s, b = mx.quantize(mx.array(w).astype(dtype), group_size=group, bits=bits)
            key = f"affine.{name}.b{bits}.g{group}."
            tensors |= {key + "weight": q, key + "scales": s, key + "biases": b}
            tensors[key + "dequant"] = mx.dequantize(q, s, b, group_size=group, bits=bits)
for mode, group, bits in (("mxfp4", 32, 4), ("nvfp4", 16, 4), ("mxfp8", 32, 8)):
    q, s = mx.quantize(mx.array(w), mode=mode, group_size=group, bits=bits)
    tensors |= {f"{mode}.weight": q, f"{mode}.scales": s}
    tensors[f"{mode}.dequant"] = mx.dequantize(q, s, mode=mode, group_size=group, bits=bits).astype(mx.float32)
mx.save_safetensors(str(out / "mlx.safetensors"), tensors)

Type = gguf.GGMLQuantizationType
tensors = {"w": mx.array(w)}
for kind in (Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.BF16):
    raw = quants.quantize(w, kind)
    tensors[f"{kind.name}.quantized"] = mx.array(raw.view(np.uint8))
for kind in (Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    # Every code and scale pattern is legal, so noise exercises them all; only the f16 fields must be finite.
    raw = rng.integers(0, 256, (512 // elements * 2, size), dtype=np.uint8)
    halves = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
              "Q4_1": (0, 2), "Q5_1": (0, 2)}.get(kind.name, (0,))
    for at in halves:
        values = rng.normal(scale=0.05, size=len(raw)).astype(np.float16)
        raw[:, at:at + 2] = values.view(np.uint8).reshape(-1, 2)
    raw = raw.reshape(2, -1)
    tensors[f"{kind.name}.blocks"] = mx.array(raw)
    tensors[f"{kind.name}.dequant"] = mx.array(quants.dequantize(raw, kind).astype(np.float32))
mx.save_safetensors(str(out / "ggml.safetensors"), tensors)
print("mlx", mx.__version__, "gguf", "0.19.0")
