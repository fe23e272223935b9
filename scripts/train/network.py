"""The Qwen3.5 forward pass with the family's own tensor names, written to train quickly.

Shapes depend on nothing in the data and nothing waits for the device, so that a whole step can be recorded once
and replayed on a graphics processor.

Rows hold several documents one after another; every layer keeps them apart. `compare.py` shows that this
computes what the reference implementation in transformers does.
"""
import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from shapes import layer_types

CHUNK = 32
# Added to the log-decay at a document's first token: nothing of the previous document's state is left.
FORGET = -60.0


class ZeroCentredNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1 + self.weight)


class GatedNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x, gate):
        x = x.float()
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)) * F.silu(gate.float())


def linear(inputs, outputs, bias=False):
    return nn.Linear(inputs, outputs, bias=bias)


class InverseOfUnitLower(torch.autograd.Function):
    """(1 + lower)^-1 for strictly lower triangular [..., n, n] with n a power of two.

    Blocks on the diagonal are inverted in pairs: [[A, 0], [C, B]]^-1 = [[A^-1, 0], [-B^-1 C A^-1, B^-1]].
    """

    @staticmethod
    def forward(ctx, lower):
        n = lower.shape[-1]
        at = torch.arange(n, device=lower.device)
        out = torch.eye(n, device=lower.device).expand_as(lower)
        size = 1
        while size < n:
            block = at // size
            pair = (block[:, None] == block[None, :] + 1) & (block[None, :] % 2 == 0)
            out = out - out @ (lower * pair) @ out
            size *= 2
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        turned = ctx.saved_tensors[0].transpose(-1, -2)
        return -(turned @ grad @ turned)


def delta_rule(q, k, v, g, beta):
    """The gated delta rule in blocks of CHUNK tokens; q, k, v [B,H,T,D], g, beta [B,H,T], all float32."""
    b, h, t, d = q.shape
    n = t // CHUNK
    q, k, v = (x.reshape(b, h, n, CHUNK, x.shape[-1]) for x in (q, k, v))
    g, beta = g.reshape(b, h, n, CHUNK).cumsum(-1), beta.reshape(b, h, n, CHUNK, 1)
    lower = torch.ones(CHUNK, CHUNK, dtype=torch.bool, device=q.device).tril()
    decay = (g[..., :, None] - g[..., None, :]).masked_fill(~lower, -torch.inf).exp()
    grown = g.exp()[..., None]
    inner = (k * beta) @ k.transpose(-1, -2) * decay
    base, pull = (InverseOfUnitLower.apply(inner.tril(-1)) @ torch.cat([v * beta, k * (beta * grown)], -1)).chunk(2, -1)
    last = g[..., -1:, None]
    kept = (k * (last - g[..., None]).exp()).transpose(-1, -2)
    # What a block makes of the state before it is linear: turn @ state + gift.
    turn, gift = last.exp() * torch.eye(d, device=q.device) - kept @ pull, kept @ base
    states = [q.new_zeros(b * h, d, v.shape[-1])]
    # Unbound once: the gradient of indexing a block would fill a whole tensor with zeros for every block.
    for turn, gift in zip(turn.flatten(0, 1).unbind(1), gift.flatten(0, 1).unbind(1)):
        states.append(torch.baddbmm(gift, turn, states[-1]))
    before = torch.stack(states[:-1], 1).unflatten(0, (b, h))
    out = (q * grown) @ before + (q @ k.transpose(-1, -2) * decay) @ (base - pull @ before)
    return out.reshape(b, h, t, -1), states[-1].unflatten(0, (b, h))


def delta_step(q, k, v, g, beta, state):
    """One token: q, k, v [B,H,D], g, beta [B,H]."""
    state = state * g.exp()[..., None, None]
    change = (v - torch.einsum("bhkv,bhk->bhv", state, k)) * beta[..., None]
    state = state + k[..., None] * change[..., None, :]
    return torch.einsum("bhkv,bhk->bhv", state, q), state


class DeltaNet(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.hk, self.hv, self.d = c["linear_num_key_heads"], c["linear_num_value_heads"], c["linear_key_head_dim"]
        kd, vd, h = self.hk * self.d, self.hv * self.d, c["hidden_size"]
        self.split = [kd, kd, vd]
        self.in_proj_qkv, self.in_proj_z = linear(h, 2 * kd + vd), linear(h, vd)
        self.in_proj_a, self.in_proj_b = linear(h, self.hv), linear(h, self.hv)
        self.conv1d = nn.Conv1d(2 * kd + vd, 2 * kd + vd, 4, groups=2 * kd + vd, bias=False)
        # Decays that forget half within some ten to some thousand tokens, spread over the heads.
        step = torch.logspace(-3, -1, self.hv)
        self.dt_bias = nn.Parameter(step + torch.log(-torch.expm1(-step)))
        self.A_log = nn.Parameter(torch.linspace(1, 8, self.hv).log())
        self.norm, self.out_proj = GatedNorm(self.d), linear(vd, h)

    def forward(self, x, ctx, cache=None):
        b, t, _ = x.shape
        if ctx.get("real") is not None:
            x = x * ctx["real"][..., None]
        mixed = self.in_proj_qkv(x).float()
        taps = self.conv1d.weight[:, 0]
        if cache is not None:
            before = cache.get("conv", mixed.new_zeros(b, 3, mixed.shape[-1]))
            window = torch.cat([before, mixed], 1)
            cache["conv"] = window[:, -3:]
            shifted = [window[:, j:j + t] for j in range(4)]
        else:
            shifted = [F.pad(mixed, (0, 0, 3 - j, 0))[:, :t] * ctx["same"][3 - j] for j in range(3)] + [mixed]
        mixed = F.silu(sum(part * taps[:, j] for j, part in enumerate(shifted)))
        q, k, v = mixed.split(self.split, -1)
        q, k = (y.reshape(b, t, self.hk, self.d) for y in (q, k))
        q, k = (y * torch.rsqrt(y.pow(2).sum(-1, keepdim=True) + 1e-6) for y in (q, k))
        q = q * self.d ** -0.5
        q, k = (y.repeat_interleave(self.hv // self.hk, 2).transpose(1, 2) for y in (q, k))
        v = v.reshape(b, t, self.hv, self.d).transpose(1, 2)
        beta = torch.sigmoid(self.in_proj_b(x).float()).transpose(1, 2)
        g = -self.A_log.exp() * F.softplus(self.in_proj_a(x).float() + self.dt_bias)
        g = g.transpose(1, 2)
        if ctx.get("first") is not None:
            g = g + ctx["first"][:, None] * FORGET
        if t == 1:
            out, state = delta_step(q[:, :, 0], k[:, :, 0], v[:, :, 0], g[..., 0], beta[..., 0], cache["state"])
            out = out[:, :, None]
        else:
            with torch.autocast(x.device.type, enabled=False):
                out, state = delta_rule(q, k, v, g, beta)
        if cache is not None:
            cache["state"] = state
        z = self.in_proj_z(x).reshape(b, t, self.hv, self.d)
        return self.out_proj(self.norm(out.transpose(1, 2), z).flatten(2))


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv, self.d = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        h = c["hidden_size"]
        self.q_proj = linear(h, self.heads * self.d * 2)
        self.k_proj, self.v_proj = linear(h, self.kv * self.d), linear(h, self.kv * self.d)
        self.o_proj = linear(self.heads * self.d, h)
        self.q_norm, self.k_norm = ZeroCentredNorm(self.d), ZeroCentredNorm(self.d)

    def forward(self, x, ctx, cache=None):
        b, t, _ = x.shape
        q, gate = self.q_proj(x).reshape(b, t, self.heads, 2 * self.d).chunk(2, -1)
        k, v = (p(x).reshape(b, t, self.kv, self.d) for p in (self.k_proj, self.v_proj))
        q, k = rotate(self.q_norm(q), *ctx["rope"]), rotate(self.k_norm(k), *ctx["rope"])
        q, k, v = (y.transpose(1, 2).to(v.dtype) for y in (q, k, v))
        if cache is not None:
            if "k" in cache:
                k, v = torch.cat([cache["k"], k], 2), torch.cat([cache["v"], v], 2)
            cache["k"], cache["v"] = k, v
        k, v = (y.repeat_interleave(self.heads // self.kv, 1) for y in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=ctx["see"].to(v.dtype))
        out = out.transpose(1, 2).reshape(b, t, -1)
        return self.o_proj(out * torch.sigmoid(gate.reshape(b, t, -1)))


def rotate(x, cos, sin):
    """Rotary positions on the first dimensions, halves paired."""
    n = cos.shape[-1]
    a, b, rest = x[..., :n], x[..., n:2 * n], x[..., 2 * n:]
    cos, sin = cos[:, :, None], sin[:, :, None]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


class Mlp(nn.Module):
    def __init__(self, h, i):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = linear(h, i), linear(h, i), linear(i, h)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c, kind):
        super().__init__()
        h = c["hidden_size"]
        if kind == "full_attention":
            self.self_attn = Attention(c)
        else:
            self.linear_attn = DeltaNet(c)
        self.mlp = Mlp(h, c["intermediate_size"])
        self.input_layernorm, self.post_attention_layernorm = ZeroCentredNorm(h), ZeroCentredNorm(h)

    def forward(self, x, ctx, cache=None):
        mixer = self.self_attn if hasattr(self, "self_attn") else self.linear_attn
        x = x + mixer(self.input_layernorm(x), ctx, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class TextModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c, kind) for kind in layer_types(c))
        self.norm = ZeroCentredNorm(c["hidden_size"])

    def forward(self, x, ctx, caches=None):
        for i, layer in enumerate(self.layers):
            x = layer(x, ctx, None if caches is None else caches[i])
        return self.norm(x)


class Mtp(nn.Module):
    """Guesses the token after the next one from the trunk's last state and the next token."""

    def __init__(self, c):
        super().__init__()
        h = c["hidden_size"]
        self.fc = linear(2 * h, h)
        self.pre_fc_norm_embedding, self.pre_fc_norm_hidden = ZeroCentredNorm(h), ZeroCentredNorm(h)
        self.layers = nn.ModuleList([Layer(c, "full_attention")])
        self.norm = ZeroCentredNorm(h)

    def forward(self, embedded, hidden, ctx):
        x = self.fc(torch.cat([self.pre_fc_norm_embedding(embedded), self.pre_fc_norm_hidden(hidden)], -1))
        return self.norm(self.layers[0](x, ctx))


class VisionAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c["num_heads"]
        self.qkv, self.proj = linear(c["hidden_size"], 3 * c["hidden_size"], True), linear(c["hidden_size"], c["hidden_size"], True)

    def forward(self, x, cos, sin):
        n, t, h = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, -1).unbind(2)
        q, k = (rotate(y.float(), cos, sin).to(v.dtype) for y in (q, k))
        out = F.scaled_dot_product_attention(*(y.transpose(1, 2) for y in (q, k, v)))
        return self.proj(out.transpose(1, 2).reshape(n, t, h))


class VisionMlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.linear_fc1 = linear(c["hidden_size"], c["intermediate_size"], True)
        self.linear_fc2 = linear(c["intermediate_size"], c["hidden_size"], True)

    def forward(self, x):
        return self.linear_fc2(F.gelu(self.linear_fc1(x), approximate="tanh"))


class VisionBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(c["hidden_size"], eps=1e-6), nn.LayerNorm(c["hidden_size"], eps=1e-6)
        self.attn, self.mlp = VisionAttention(c), VisionMlp(c)

    def forward(self, x, cos, sin):
        x = x + self.attn(self.norm1(x), cos, sin)
        return x + self.mlp(self.norm2(x))


class Merger(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.wide = 4 * c["hidden_size"]
        self.norm = nn.LayerNorm(c["hidden_size"], eps=1e-6)
        self.linear_fc1, self.linear_fc2 = linear(self.wide, self.wide, True), linear(self.wide, c["out_hidden_size"], True)

    def forward(self, x):
        n, t, _ = x.shape
        return self.linear_fc2(F.gelu(self.linear_fc1(self.norm(x).reshape(n, t // 4, self.wide))))


class PatchEmbed(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.proj = nn.Conv3d(3, c["hidden_size"], (2, 16, 16), (2, 16, 16))

    def forward(self, x):
        return F.linear(x, self.proj.weight.flatten(1), self.proj.bias)


class VisionModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.side, self.angles = math.isqrt(c["num_position_embeddings"]), c["hidden_size"] // c["num_heads"] // 2
        self.patch_embed = PatchEmbed(c)
        self.pos_embed = nn.Embedding(c["num_position_embeddings"], c["hidden_size"])
        self.blocks = nn.ModuleList(VisionBlock(c) for _ in range(c["depth"]))
        self.merger = Merger(c)

    def forward(self, pixels, grid):
        """Pictures of one size: pixels [N, patches, 1536], grid the patch rows and columns."""
        table, cos, sin = vision_places(self.side, self.angles, *grid, pixels.device)
        x = self.patch_embed(pixels) + table @ self.pos_embed.weight
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.merger(x)


@cache
def vision_places(side, angles, rows, columns, device):
    """For every patch in block order: its weights in the position table, and its rotary angles."""
    row = torch.arange(rows).reshape(rows // 2, 1, 2, 1).expand(rows // 2, columns // 2, 2, 2).flatten()
    column = torch.arange(columns).reshape(1, columns // 2, 1, 2).expand(rows // 2, columns // 2, 2, 2).flatten()

    def weights(count, index):
        at = torch.linspace(0, side - 1, count)[index]
        low = at.floor().long().clamp(max=side - 1)
        high, part = (low + 1).clamp(max=side - 1), at - low
        return F.one_hot(low, side) * (1 - part)[:, None] + F.one_hot(high, side) * part[:, None]

    table = (weights(rows, row)[:, :, None] * weights(columns, column)[:, None, :]).flatten(1)
    frequency = 10000.0 ** (-torch.arange(0, angles, 2).float() / angles)
    angle = torch.cat([row[:, None] * frequency, column[:, None] * frequency], -1)
    return table.to(device), angle.cos()[None].to(device), angle.sin()[None].to(device)


class Network(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.text_config = shape["text"]
        self.model = nn.Module()
        self.model.language_model = TextModel(shape["text"])
        self.model.visual = VisionModel(shape["vision"])
        self.mtp = Mtp(shape["text"])

    def embed(self, ids, features=None, at=None):
        """`features` of pictures go to the places `at` in the flattened ids; one place past the end takes those of none."""
        weight = self.model.language_model.embed_tokens.weight
        x = weight.index_select(0, ids.flatten())
        if features is not None:
            x = torch.cat([x, x.new_zeros(1, x.shape[1])]).index_copy(0, at, features.to(x.dtype))[:-1]
        return x.unflatten(0, ids.shape)

    def logits(self, hidden):
        return F.linear(hidden, self.model.language_model.embed_tokens.weight)

    def rope(self, place):
        """cos and sin [B,T,n] from three positions [3,B,T], interleaved by frequency."""
        rope = self.text_config["rope_parameters"]
        n = int(self.text_config["head_dim"] * rope["partial_rotary_factor"]) // 2
        frequency = rope["rope_theta"] ** (-torch.arange(n, device=place.device).float() / n)
        angle = place[..., None].float() * frequency
        mixed = angle[0].clone()
        for axis in (1, 2):
            pick = slice(axis, 3 * rope["mrope_section"][axis], 3)
            mixed[..., pick] = angle[axis][..., pick]
        return mixed.cos(), mixed.sin()


def mask(see):
    """What is added to the scores [B,1,T,T]; finite, so that a place that sees nothing stays a number."""
    return torch.zeros(see.shape, device=see.device).masked_fill(~see, -1e30)[:, None]


def packed_context(document):
    """Masks for rows of several documents; `document` [B,T] numbers them, padding is -1."""
    t = document.shape[1]
    same = {s: F.pad(document[:, s:] == document[:, :t - s], (s, 0))[..., None].float() for s in (1, 2, 3)}
    before = torch.ones(t, t, dtype=torch.bool, device=document.device).tril()
    see = (document[:, :, None] == document[:, None, :]) & before
    return dict(same=same, see=mask(see), first=1.0 - same[1][..., 0])


def initialise(network, seed):
    torch.manual_seed(seed)
    for name, p in network.named_parameters():
        if p.dim() < 2 or "norm" in name:
            if name.endswith(".bias"):
                nn.init.zeros_(p)
        elif "conv1d" in name:
            nn.init.uniform_(p, -0.5, 0.5)
        elif "embed_tokens" in name:
            nn.init.normal_(p, std=0.05)
        elif "pos_embed" in name:
            nn.init.normal_(p, std=0.02)
        else:
            shrink = 0.3 if any(part in name for part in ("down_proj", "o_proj", "out_proj", "attn.proj", "linear_fc2")) else 1.0
            nn.init.normal_(p, std=shrink / math.sqrt(p[0].numel()))


def released(name, p):
    """Rounded to what the checkpoint holds."""
    keep = name.endswith("A_log") or name.endswith("linear_attn.norm.weight")
    return p.detach().to("cpu", torch.float32 if keep else torch.bfloat16).contiguous()
