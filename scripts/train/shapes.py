"""The two model shapes and the token table, as config.json has them."""

# The order is the family's own; the ids follow the 256 bytes.
SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>",
    "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
]
TOKEN_ID = {token: 256 + place for place, token in enumerate(SPECIAL_TOKENS)}
# Rounded up, as the family does: the last rows of the embedding belong to no token.
VOCAB_ROWS = 288

PATCH, TEMPORAL, MERGE = 16, 2, 2
CELL = PATCH * MERGE

ROPE = dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25, mrope_section=[3, 3, 2],
            mrope_interleaved=True)


def _text(**sizes):
    return dict(vocab_size=VOCAB_ROWS, head_dim=64, linear_conv_kernel_dim=4, linear_key_head_dim=32,
                linear_value_head_dim=32, full_attention_interval=4, rms_norm_eps=1e-6, hidden_act="silu",
                max_position_embeddings=4096, attention_bias=False, attn_output_gate=True,
                tie_word_embeddings=True, eos_token_id=TOKEN_ID["<|endoftext|>"], mamba_ssm_dtype="float32",
                dtype="bfloat16", mtp_num_hidden_layers=1, mtp_use_dedicated_embeddings=False,
                rope_parameters=ROPE, **sizes)


def _vision(**sizes):
    return dict(model_type="qwen3_5", in_channels=3, patch_size=PATCH, temporal_patch_size=TEMPORAL,
                spatial_merge_size=MERGE, num_position_embeddings=64, hidden_act="gelu_pytorch_tanh",
                deepstack_visual_indexes=[], **sizes)


# The small one has more value heads than key heads, as the 4B and larger have; the large one has as many,
# as the 0.8B and 2B have. Together they exercise both forms of the gated delta layer. The large one
# has the same width, more layers, and is wider inside.
SHAPES = {
    "tiny-1m": dict(
        text=_text(hidden_size=128, num_hidden_layers=4, intermediate_size=256, num_attention_heads=4,
                   num_key_value_heads=2, linear_num_key_heads=2, linear_num_value_heads=4),
        vision=_vision(depth=2, hidden_size=48, num_heads=4, intermediate_size=192, out_hidden_size=128)),
    "tiny-5m": dict(
        text=_text(hidden_size=128, num_hidden_layers=8, intermediate_size=1152, num_attention_heads=4,
                   num_key_value_heads=2, linear_num_key_heads=4, linear_num_value_heads=4),
        vision=_vision(depth=4, hidden_size=48, num_heads=4, intermediate_size=384, out_hidden_size=128)),
}


def layer_types(text):
    every = text["full_attention_interval"]
    return ["full_attention" if (i + 1) % every == 0 else "linear_attention" for i in range(text["num_hidden_layers"])]


def config_json(shape):
    text = dict(shape["text"], model_type="qwen3_5_text", layer_types=layer_types(shape["text"]))
    return dict(architectures=["Qwen3_5ForConditionalGeneration"], model_type="qwen3_5",
                image_token_id=TOKEN_ID["<|image_pad|>"], video_token_id=TOKEN_ID["<|video_pad|>"],
                vision_start_token_id=TOKEN_ID["<|vision_start|>"], vision_end_token_id=TOKEN_ID["<|vision_end|>"],
                tie_word_embeddings=True, text_config=text, vision_config=dict(shape["vision"]))
