"""The text trunk of Qwen3.5 written out in numpy, in float64 and as plainly as it can be said.

An engine among others for crosscheck.py, and the only one that shares no code with anybody. One token after the
other; nothing is fast. Needs numpy only.
"""
import json

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def read_safetensors(path):
    """Every tensor as float64, by name."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, body, out = json.loads(data[8:8 + size]), data[8 + size:], {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        raw = body[slice(*about["data_offsets"])]
        if about["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[about["dtype"]])
        out[name] = values.astype(np.float64).reshape(about["shape"])
    return out


class Specification:
    """A model by its configuration and its tensors under their Hugging Face names."""

    @classmethod
    def of_folder(cls, folder):
        return cls(json.loads((folder / "config.json").read_text()), read_safetensors(folder / "model.safetensors"))

    def __init__(self, config, weights):
        self.config, self.weights = config.get("text_config", config), weights
        self.trunk = "model.language_model." if "model.language_model.norm.weight" in self.weights else "model."
        self.eps = self.config["rms_norm_eps"]
        rope = self.config["rope_parameters"]
        turned = int(self.config["head_dim"] * rope["partial_rotary_factor"])
        # In text the three axes of a position are equal, so which frequency follows which axis does not matter.
        self.frequency = rope["rope_theta"] ** -(np.arange(0, turned, 2) / turned)

    def normal(self, x):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps)

    def zero_centred(self, x, name):
        return self.normal(x) * (1 + self.weights[name])

    def map(self, x, name):
        return self.weights[name + ".weight"] @ x

    def turn(self, heads, at):
        angle, n = at * self.frequency, len(self.frequency)
        a, b, rest = heads[:, :n], heads[:, n:2 * n], heads[:, 2 * n:]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle), rest], 1)

    def attention(self, x, name, state, at):
        c = self.config
        heads, groups, size = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        # Each head's query is followed by its gate.
        query, gate = self.map(x, name + "q_proj").reshape(heads, 2, size).transpose(1, 0, 2)
        key, value = (self.map(x, name + part).reshape(groups, size) for part in ("k_proj", "v_proj"))
        query = self.turn(self.zero_centred(query, name + "q_norm.weight"), at)
        state.setdefault("keys", []).append(self.turn(self.zero_centred(key, name + "k_norm.weight"), at))
        state.setdefault("values", []).append(value)
        keys, values = np.array(state["keys"]), np.array(state["values"])
        seen = np.empty((heads, size))
        for head in range(heads):
            group = head * groups // heads
            weight = softmax(keys[:, group] @ query[head] / np.sqrt(size))
            seen[head] = weight @ values[:, group]
        return self.map((seen * sigmoid(gate)).ravel(), name + "o_proj")

    def delta_net(self, x, name, state):
        c, w = self.config, self.weights
        key_heads, value_heads = c["linear_num_key_heads"], c["linear_num_value_heads"]
        size, value_size, taps = c["linear_key_head_dim"], c["linear_value_head_dim"], c["linear_conv_kernel_dim"]
        mixed = self.map(x, name + "in_proj_qkv")
        window = state.setdefault("window", [np.zeros_like(mixed)] * (taps - 1))
        window = [*window, mixed]
        state["window"] = window[1:]
        mixed = silu((np.array(window).T * w[name + "conv1d.weight"][:, 0]).sum(1))
        query, key = mixed[:2 * key_heads * size].reshape(2, key_heads, size)
        value = mixed[2 * key_heads * size:].reshape(value_heads, value_size)
        query, key = (part / np.sqrt((part * part).sum(-1, keepdims=True) + 1e-6) for part in (query, key))
        learn = sigmoid(self.map(x, name + "in_proj_b"))
        keep = np.exp(-np.exp(w[name + "A_log"]) * np.logaddexp(0, self.map(x, name + "in_proj_a") + w[name + "dt_bias"]))
        memory = state.setdefault("memory", np.zeros((value_heads, size, value_size)))
        out = np.empty((value_heads, value_size))
        for head in range(value_heads):
            k, q = key[head * key_heads // value_heads], query[head * key_heads // value_heads]
            memory[head] *= keep[head]
            memory[head] += np.outer(k, learn[head] * (value[head] - k @ memory[head]))
            out[head] = q @ memory[head] / np.sqrt(size)
        gate = self.map(x, name + "in_proj_z").reshape(value_heads, value_size)
        return self.map((self.normal(out) * w[name + "norm.weight"] * silu(gate)).ravel(), name + "out_proj")

    def glu(self, x, name):
        return self.map(silu(self.map(x, name + "gate_proj")) * self.map(x, name + "up_proj"), name + "down_proj")

    def feed_forward(self, x, name):
        if not self.config.get("num_experts"):
            return self.glu(x, name)
        out = sigmoid(self.map(x, name + "shared_expert_gate")) * self.glu(x, name + "shared_expert.")
        chance = softmax(self.map(x, name + "gate"))
        best = np.argsort(-chance)[:self.config["num_experts_per_tok"]]
        for expert in best:
            gate, up = np.split(self.weights[name + "experts.gate_up_proj"][expert] @ x, 2)
            out += chance[expert] / chance[best].sum() * (self.weights[name + "experts.down_proj"][expert] @ (silu(gate) * up))
        return out

    def step(self, token, states, at):
        """Logits after one more token."""
        table = self.weights[self.trunk + "embed_tokens.weight"]
        x = table[token]
        for layer, (kind, state) in enumerate(zip(self.config["layer_types"], states)):
            name = f"{self.trunk}layers.{layer}."
            normed = self.zero_centred(x, name + "input_layernorm.weight")
            if kind == "linear_attention":
                x = x + self.delta_net(normed, name + "linear_attn.", state)
            else:
                x = x + self.attention(normed, name + "self_attn.", state, at)
            x = x + self.feed_forward(self.zero_centred(x, name + "post_attention_layernorm.weight"), name + "mlp.")
        return self.weights.get("lm_head.weight", table) @ self.zero_centred(x, self.trunk + "norm.weight")

    def answer(self, ids, count):
        """Greedy ids after a prompt, and by how much each led the second best, in logits."""
        states = [{} for _ in self.config["layer_types"]]
        for at, token in enumerate(ids):
            logits = self.step(token, states, at)
        out, leads = [], []
        for at in range(len(ids), len(ids) + count):
            second, best = np.partition(logits, -2)[-2:]
            out.append(int(logits.argmax()))
            leads.append(float(best - second))
            if len(out) < count:
                logits = self.step(out[-1], states, at)
        return out, leads

    def greedy(self, ids, count):
        return self.answer(ids, count)[0]

    def after(self, ids):
        """Logits after a prompt."""
        states = [{} for _ in self.config["layer_types"]]
        return [self.step(token, states, at) for at, token in enumerate(ids)][-1]
