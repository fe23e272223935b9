#!/usr/bin/env python3
"""Make a tiny random-weight Qwen3.5 checkpoint and reference tensors from transformers' own forward pass.

  python make_tiny.py --out DIR [--moe] [--untied] [--bf16] [--layers N] [--text-only] [--parts text,decode,...]

Writes DIR/
  config.json, model.safetensors          HF-layout checkpoint (model.language_model.*, model.visual.*, mtp.*)
  preprocessor_config.json                image processor settings used for the reference image
  ref_text.safetensors                    text logits for several prompt lengths, per-layer hidden states
  ref_decode.safetensors                  prefill + one-token-at-a-time decode, cache contents at the end
  ref_image.safetensors                   raw RGB, pixel_values, vision features, M-RoPE ids, logits, decode steps
  ref_video.safetensors                   the same for a 4-frame clip (2 temporal patches)
  ref_pixels.safetensors                  pictures and a clip of awkward sizes through the real processors
  ref_gdn.safetensors                     inputs/outputs of the delta-rule functions of layer 0 (chunked + recurrent)
  ref_mtp.safetensors                     MTP head reference (computed here: transformers drops mtp.* on load)
  ref_tokens.json                         ids and settings
With --bf16 the checkpoint is stored in bf16 except A_log and linear_attn.norm, which stay F32 as in the published
files, and the references are computed in f32 from exactly those values.
Needs: torch, transformers>=5.2, safetensors, numpy, pillow<13 (for ref_pixels), torchvision. Runs on CPU without any hub.

These files are read by `dyno models check CHECKPOINT --reference DIR` and by the tests of dyno-qwen35.
"""
import argparse, json, os, time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
from safetensors.torch import load_file, save_file

IMG, VID, VSTART, VEND = 500, 501, 502, 503
VOCAB = 512
PARTS = ("text", "decode", "gdn", "image", "video", "pixels", "mtp")


def text_cfg(moe: bool, tied: bool, layers: int) -> dict:
    c = dict(
        vocab_size=VOCAB, hidden_size=128, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, head_dim=64,
        linear_conv_kernel_dim=4, linear_key_head_dim=32, linear_value_head_dim=32,
        linear_num_key_heads=2, linear_num_value_heads=4,
        full_attention_interval=4, rms_norm_eps=1e-6, hidden_act="silu",
        max_position_embeddings=4096, attention_bias=False, tie_word_embeddings=tied,
        eos_token_id=499,
        rope_parameters=dict(rope_type="default", rope_theta=10000000.0, partial_rotary_factor=0.25,
                             mrope_section=[3, 3, 2], mrope_interleaved=True),
    )
    if moe:
        c.update(num_experts=6, num_experts_per_tok=2, moe_intermediate_size=64,
                 shared_expert_intermediate_size=64)
    else:
        c.update(intermediate_size=128)
    return c


VISION = dict(depth=2, hidden_size=64, num_heads=4, intermediate_size=128, in_channels=3,
              patch_size=16, temporal_patch_size=2, spatial_merge_size=2, out_hidden_size=128,
              num_position_embeddings=64, hidden_act="gelu_pytorch_tanh")


@torch.no_grad()
def randomise(model, seed=1):
    """Overwrite every parameter with values that make mistakes visible (norms not 0/1, biases not 0)."""
    g = torch.Generator().manual_seed(seed)
    r = lambda shape, s: torch.randn(shape, generator=g) * s
    for name, p in model.named_parameters():
        if name.endswith("A_log"):
            p.copy_(torch.log(torch.rand(p.shape, generator=g) * 7.5 + 0.5))
        elif name.endswith("dt_bias"):
            p.copy_(r(p.shape, 0.5) - 2.0)          # keeps decay between ~0.3 and ~0.99
        elif name.endswith("linear_attn.norm.weight") or ".visual." in name and "norm" in name and name.endswith("weight"):
            p.copy_(1.0 + r(p.shape, 0.2))          # plain (not zero-centred) scale
        elif name.endswith("norm.weight") or name.endswith("layernorm.weight"):
            p.copy_(r(p.shape, 0.2))                # zero-centred: effective scale 1 + w
        elif name.endswith(".bias"):
            p.copy_(r(p.shape, 0.1))
        elif "conv1d" in name:
            p.copy_(r(p.shape, 0.5))
        elif "embed_tokens" in name or "pos_embed" in name or name.startswith("lm_head"):
            p.copy_(r(p.shape, 0.5))
        else:
            p.copy_(r(p.shape, 1.0 / p.shape[-1] ** 0.5))


KEPT_F32 = ("A_log", "linear_attn.norm.weight")


@torch.no_grad()
def round_to_bf16(model):
    for name, p in model.named_parameters():
        if not name.endswith(KEPT_F32):
            p.copy_(p.to(torch.bfloat16).float())


def cache_tensors(cache, layer_types, prefix):
    out = {}
    for i, t in enumerate(layer_types):
        layer = cache.layers[i]
        if t == "linear_attention":
            out[f"{prefix}.{i}.conv_state"] = layer.conv_states[0]      # [B, conv_dim, K] (K=4 columns here)
            out[f"{prefix}.{i}.recurrent_state"] = layer.recurrent_states[0]  # [B, Hv, Dk, Dv] float32
        else:
            out[f"{prefix}.{i}.key"] = layer.keys                        # [B, Hkv, T, D] after rope
            out[f"{prefix}.{i}.value"] = layer.values
    return out


def smooth(rng, h, w):
    """A picture with both edges and gradients; pure noise hides a shifted filter."""
    y, x = np.mgrid[0:h, 0:w]
    waves = [127 + 120 * np.sin(x * rng.uniform(0.02, 0.6) + y * rng.uniform(0.02, 0.6)) for _ in range(3)]
    rgb = np.stack(waves, -1) + rng.normal(0, 20, (h, w, 3))
    rgb[h // 3:h // 2, w // 4:w // 2] = rng.integers(0, 2, 3) * 255
    return rgb.clip(0, 255).astype(np.uint8)


def dump(path, tensors):
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, str(path))
    return path.stat().st_size


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", default="tiny_qwen35")
    ap.add_argument("--moe", action="store_true")
    ap.add_argument("--untied", action="store_true")
    ap.add_argument("--bf16", action="store_true", help="also round the checkpoint to bf16 before computing references")
    ap.add_argument("--text-only", action="store_true", help="write a text-only export: no vision, flat config, short names")
    ap.add_argument("--layers", type=int, default=8, help="decoder layers; every fourth is full attention")
    ap.add_argument("--parts", default=",".join(PARTS), help="which reference files to keep")
    a = ap.parse_args()
    parts = set(a.parts.split(","))
    if parts - set(PARTS): ap.error(f"unknown parts {sorted(parts - set(PARTS))}; there are {PARTS}")
    import PIL
    if "pixels" in parts and int(PIL.__version__.split(".")[0]) >= 13:
        # Pillow 13 may scale columns before rows, which no published result was made with.
        print(f"ref_pixels left out: Pillow {PIL.__version__} orders its passes differently, needs pillow<13")
        parts.discard("pixels")
    t0 = time.time()
    out = Path(a.out); out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0); torch.set_grad_enabled(False)

    if a.moe:
        from transformers import Qwen3_5MoeConfig as Cfg, Qwen3_5MoeForConditionalGeneration as Model
        from transformers.models.qwen3_5_moe import modeling_qwen3_5_moe as M
        Layer, Norm = M.Qwen3_5MoeDecoderLayer, M.Qwen3_5MoeRMSNorm
    else:
        from transformers import Qwen3_5Config as Cfg, Qwen3_5ForConditionalGeneration as Model
        from transformers.models.qwen3_5 import modeling_qwen3_5 as M
        Layer, Norm = M.Qwen3_5DecoderLayer, M.Qwen3_5RMSNorm
    tied = not a.untied
    cfg = Cfg(text_config=text_cfg(a.moe, tied, a.layers), vision_config=VISION, image_token_id=IMG, video_token_id=VID,
              vision_start_token_id=VSTART, vision_end_token_id=VEND, tie_word_embeddings=tied)
    cfg._attn_implementation = "eager"
    model = Model(cfg).eval().float()
    randomise(model)
    if a.bf16:
        round_to_bf16(model)
    layer_types = cfg.text_config.layer_types
    model.save_pretrained(out, safe_serialization=True)
    json.dump(dict(size=dict(shortest_edge=32 * 32 * 4, longest_edge=256 * 256), patch_size=16, temporal_patch_size=2,
                   merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3, processor_class="Qwen3VLProcessor",
                   image_processor_type="Qwen2VLImageProcessorFast"), open(out / "preprocessor_config.json", "w"), indent=1)
    sizes, rng = {}, np.random.default_rng(7)

    # ---------------------------------------------------------------- text
    grab = {}
    ref = {}
    for n in (1, 3, 17, 64, 65, 150):               # 64 is the chunk length of the torch fallback
        ids = torch.tensor(rng.integers(0, 499, (1, n)))
        o = model(input_ids=ids, use_cache=False, output_hidden_states=True)
        ref[f"ids.{n}"], ref[f"logits.{n}"] = ids, o.logits
        if n == 17:
            for i, h in enumerate(o.hidden_states):  # 0 = embeddings, i = output of layer i-1 (last entry may be normed)
                ref[f"hidden.{n}.{i}"] = h
    sizes["ref_text"] = dump(out / "ref_text.safetensors", ref)

    # ---------------------------------------------------------------- prefill + decode
    ids = torch.tensor(rng.integers(0, 499, (1, 80)))
    full = model(input_ids=ids, use_cache=False).logits
    o = model(input_ids=ids[:, :70], use_cache=True)
    cache, steps = o.past_key_values, [o.logits]
    for t in range(70, 80):
        o = model(input_ids=ids[:, t:t + 1], past_key_values=cache, use_cache=True)
        steps.append(o.logits)
    inc = torch.cat(steps, 1)
    err_decode = (inc - full).abs().max().item()
    ref = {"ids": ids, "prefill_len": torch.tensor([70]), "logits_full": full, "logits_incremental": inc}
    ref.update(cache_tensors(cache, layer_types, "cache"))
    sizes["ref_decode"] = dump(out / "ref_decode.safetensors", ref)

    # ---------------------------------------------------------------- delta rule in isolation
    gd = {}
    names = {"torch_chunk_gated_delta_rule": "chunk", "torch_recurrent_gated_delta_rule": "rec"}
    originals = {k: getattr(M, k) for k in names}

    def spy(key, fn):
        def f(q, k, v, **kw):
            o, s = fn(q, k, v, **kw)
            if f"{key}.q" not in gd:                 # first call = layer 0
                gd.update({f"{key}.q": q, f"{key}.k": k, f"{key}.v": v, f"{key}.g": kw["g"], f"{key}.beta": kw["beta"],
                           f"{key}.out": o})
                if s is not None: gd[f"{key}.state_out"] = s
                if kw.get("initial_state") is not None: gd[f"{key}.state_in"] = kw["initial_state"].clone()
            return o, s
        return f
    for k, short in names.items():
        setattr(M, k, spy(short, originals[k]))
    gdn_inputs = {}
    def keep(mod, args, kw, outp):                   # must return None: a return value would replace the output
        gdn_inputs.setdefault("x", kw["hidden_states"]); gdn_inputs.setdefault("y", outp)
    h = model.model.language_model.layers[0].linear_attn.register_forward_hook(keep, with_kwargs=True)
    o = model(input_ids=ids[:, :70], use_cache=True)
    model(input_ids=ids[:, 70:71], past_key_values=o.past_key_values, use_cache=True)
    h.remove()
    for k in names: setattr(M, k, originals[k])
    gd["module_in"], gd["module_out"] = gdn_inputs["x"], gdn_inputs["y"]
    # plain recurrent form over the chunk inputs, as a cross-check of the two forms
    q, k, v, g, b = (gd["chunk." + n] for n in ("q", "k", "v", "g", "beta"))
    o2, s2 = originals["torch_recurrent_gated_delta_rule"](q, k, v, g=g, beta=b, output_final_state=True, use_qk_l2norm_in_kernel=True)
    err_forms = max((o2 - gd["chunk.out"]).abs().max().item(), (s2 - gd["chunk.state_out"]).abs().max().item())
    sizes["ref_gdn"] = dump(out / "ref_gdn.safetensors", gd)

    # ---------------------------------------------------------------- image
    from PIL import Image
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
    try:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil as IP
    except Exception:
        from transformers import Qwen2VLImageProcessor as IP
    ip = IP(size=dict(shortest_edge=32 * 32 * 4, longest_edge=256 * 256), patch_size=16, temporal_patch_size=2, merge_size=2,
            image_mean=[0.5] * 3, image_std=[0.5] * 3)
    rgb = rng.integers(0, 256, (90, 150, 3), dtype=np.uint8)   # odd size: exercises resize
    rgb = np.asarray(Image.fromarray(rgb).resize((150, 90)).convert("RGB"))
    pv = ip(images=[Image.fromarray(rgb)], return_tensors="pt")
    grid = pv["image_grid_thw"]
    n_img = int(grid.prod() // 4)
    head, tail = rng.integers(0, 499, 5).tolist(), rng.integers(0, 499, 6).tolist()
    seq = head + [VSTART] + [IMG] * n_img + [VEND] + tail
    ids = torch.tensor([seq]); mm = (ids == IMG).int()
    args = dict(pixel_values=pv["pixel_values"], image_grid_thw=grid, mm_token_type_ids=mm)
    feats = model.model.get_image_features(pv["pixel_values"], grid, return_dict=True)
    vis_hidden = feats.last_hidden_state
    pos, delta = model.model.get_rope_index(ids, mm, image_grid_thw=grid)
    model.model.rope_deltas = None
    o = model(input_ids=ids, use_cache=True, **args)
    cache, logits, nxt, dec = o.past_key_values, o.logits, [], []
    for _ in range(4):
        tok = logits[:, -1:].argmax(-1); nxt.append(tok)
        o = model(input_ids=tok, past_key_values=cache, use_cache=True)
        logits = o.logits; dec.append(logits)
    ref = {"rgb": torch.tensor(rgb), "pixel_values": pv["pixel_values"], "grid_thw": grid, "ids": ids, "mm_token_type_ids": mm,
           "vision_last_hidden": vis_hidden, "image_embeds": torch.cat(list(feats.pooler_output)), "position_ids": pos,
           "rope_delta": delta, "logits": model(input_ids=ids, use_cache=False, **args).logits,
           "decode_tokens": torch.cat(nxt, 1), "decode_logits": torch.cat(dec, 1)}
    sizes["ref_image"] = dump(out / "ref_image.safetensors", ref)
    model.model.rope_deltas = None

    # ---------------------------------------------------------------- video (already-resized frames; patch order t,h,w blocks)
    frames = rng.random((4, 3, 64, 96)).astype(np.float32) * 2 - 1
    t_, gh, gw, p, m, tp = 2, 4, 6, 16, 2, 2
    x = frames.reshape(t_, tp, 3, gh // m, m, p, gw // m, m, p).transpose(0, 3, 6, 4, 7, 2, 1, 5, 8)
    pvv = torch.tensor(x.reshape(t_ * gh * gw, 3 * tp * p * p))
    gridv = torch.tensor([[t_, gh, gw]])
    per = gh * gw // 4
    seq = [1, 2, 3] + sum(([10 + f, VSTART] + [VID] * per + [VEND] for f in range(t_)), []) + [4, 5]
    ids = torch.tensor([seq]); mm = (ids == VID).int() * 2
    pos, delta = model.model.get_rope_index(ids, mm, video_grid_thw=gridv)
    o = model(input_ids=ids, pixel_values_videos=pvv, video_grid_thw=gridv, mm_token_type_ids=mm, use_cache=False)
    feats = model.model.get_video_features(pvv, gridv, return_dict=True)
    sizes["ref_video"] = dump(out / "ref_video.safetensors", {
        "frames": torch.tensor(frames), "pixel_values_videos": pvv, "grid_thw": gridv, "ids": ids, "mm_token_type_ids": mm,
        "position_ids": pos, "rope_delta": delta, "video_embeds": torch.cat(list(feats.pooler_output)), "logits": o.logits})
    model.model.rope_deltas = None

    # ---------------------------------------------------------------- preparation of pictures of awkward sizes
    bounds = dict(image=(32 * 32 * 2, 96 * 96), video=(4096, 6 * 32 * 64))
    ref = {f"{kind}_bounds": torch.tensor(pair) for kind, pair in bounds.items()}
    size = {kind: dict(shortest_edge=low, longest_edge=high) for kind, (low, high) in bounds.items()}
    for i, (h, w) in enumerate(((37, 90), (100, 150), (31, 33), (64, 96), (200, 20), (48, 80))):
        rgb = smooth(rng, h, w)
        pv = ip(images=[Image.fromarray(rgb)], size=size["image"], return_tensors="pt")
        ref[f"image.{i}.rgb"], ref[f"image.{i}.grid_thw"] = torch.tensor(rgb), pv["image_grid_thw"]
        ref[f"image.{i}.pixel_values"] = pv["pixel_values"]
    vp = Qwen3VLVideoProcessor(size=size["video"], image_mean=[0.5] * 3, image_std=[0.5] * 3)
    clip = np.stack([smooth(rng, 50, 90) for _ in range(5)])       # odd: the last frame is repeated
    pv = vp(videos=[torch.tensor(clip).permute(0, 3, 1, 2)], do_sample_frames=False, cap_pixels_per_frame=False, return_tensors="pt")
    ref["video.rgb"], ref["video.grid_thw"] = torch.tensor(clip), pv["video_grid_thw"]
    ref["video.pixel_values"] = pv["pixel_values_videos"]
    sizes["ref_pixels"] = dump(out / "ref_pixels.safetensors", ref)

    # ---------------------------------------------------------------- MTP head (one full-attention block)
    import copy
    mcfg = copy.deepcopy(cfg.text_config); mcfg.num_hidden_layers = 1; mcfg.layer_types = ["full_attention"]
    mcfg._attn_implementation = "eager"
    H = mcfg.hidden_size
    class MTP(torch.nn.Module):
        def __init__(s):
            super().__init__()
            s.fc = torch.nn.Linear(2 * H, H, bias=False)
            s.pre_fc_norm_embedding = Norm(H, mcfg.rms_norm_eps); s.pre_fc_norm_hidden = Norm(H, mcfg.rms_norm_eps)
            s.layers = torch.nn.ModuleList([Layer(mcfg, 0)]); s.norm = Norm(H, mcfg.rms_norm_eps)
    mtp = MTP().eval().float(); randomise(mtp, seed=2)
    if a.bf16:
        round_to_bf16(mtp)
    ids = torch.tensor(rng.integers(0, 499, (1, 12)))
    lm = model.model.language_model
    hid = lm(input_ids=ids, use_cache=False).last_hidden_state        # output of the final norm
    nxt = torch.cat([ids[:, 1:], torch.tensor([[42]])], 1)            # token t+1 paired with hidden t
    e = lm.embed_tokens(nxt)
    z = mtp.fc(torch.cat([mtp.pre_fc_norm_embedding(e), mtp.pre_fc_norm_hidden(hid)], -1))
    pos = torch.arange(12)[None, None].expand(3, 1, -1)
    cs = lm.rotary_emb(z, pos)
    mask = torch.full((12, 12), float("-inf")).triu(1)[None, None]
    y = mtp.norm(mtp.layers[0](z, position_embeddings=cs, attention_mask=mask))
    sizes["ref_mtp"] = dump(out / "ref_mtp.safetensors", {"ids": ids, "next_ids": nxt, "hidden_in": hid, "fc_out": z,
                                                          "hidden_out": y, "logits": model.lm_head(y)})
    sd = load_file(str(out / "model.safetensors"))
    sd.update({"mtp." + k: v.contiguous() for k, v in mtp.state_dict().items()})
    # transformers splits experts on save; the published MoE repos store them fused -> restore the published layout
    for k in [k for k in sd if k.endswith("mlp.experts.0.gate_proj.weight")]:
        b = k[:-len("0.gate_proj.weight")]
        take = lambda i, w: sd.pop(f"{b}{i}.{w}_proj.weight")
        n_e = cfg.text_config.num_experts
        sd[b + "gate_up_proj"] = torch.stack([torch.cat([take(i, "gate"), take(i, "up")], 0) for i in range(n_e)])
        sd[b + "down_proj"] = torch.stack([take(i, "down") for i in range(n_e)])
    if a.bf16:
        sd = {k: v if k.endswith(KEPT_F32) else v.to(torch.bfloat16) for k, v in sd.items()}
    save_file(sd, str(out / "model.safetensors"), metadata={"format": "pt"})
    cj = json.load(open(out / "config.json")); cj["text_config"]["mtp_num_hidden_layers"] = 1
    cj["text_config"]["mtp_use_dedicated_embeddings"] = False
    cj["text_config"].update(attn_output_gate=True, full_attention_interval=4, mamba_ssm_dtype="float32"); json.dump(cj, open(out / "config.json", "w"), indent=1)

    # ---------------------------------------------------------------- reload check: same logits from the files on disk
    m2 = Model.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    r = load_file(str(out / "ref_text.safetensors"))
    if a.text_only:
        L = "model.language_model."
        sd = {k.replace(L, "model."): v for k, v in sd.items() if not k.startswith("model.visual.")}
        save_file(sd, str(out / "model.safetensors"), metadata={"format": "pt"})
        json.dump({**cj["text_config"], "tie_word_embeddings": tied}, open(out / "config.json", "w"), indent=1)
        (out / "preprocessor_config.json").unlink()
    err_reload = (m2(input_ids=r["ids.17"], use_cache=False).logits - r["logits.17"]).abs().max().item()
    json.dump(dict(image_token=IMG, video_token=VID, vision_start=VSTART, vision_end=VEND, layer_types=layer_types,
                   moe=a.moe, tied=tied), open(out / "ref_tokens.json", "w"), indent=1)
    for part in set(PARTS) - parts:
        (out / f"ref_{part}.safetensors").unlink()
    n = sum(v.numel() for v in sd.values())
    print(f"params {n:,}  checkpoint {os.path.getsize(out/'model.safetensors'):,} B  tensors {len(sd)}")
    print("reference files:", {k: f"{v:,} B" for k, v in sizes.items()})
    print(f"max|incremental-full| {err_decode:.2e}   max|chunk-recurrent| {err_forms:.2e}   max|reload| {err_reload:.2e}")
    print(f"logit std {r['logits.150'].std():.3f}   wall {time.time()-t0:.1f} s   torch {torch.__version__}")


if __name__ == "__main__":
    main()
