//! Every family against logits that transformers computed for the same tiny random weights
//! (`scripts/oracle/make_tiny_comparators.py` writes `data`); from safetensors, and from GGUF where names allow.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value as GgufValue};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use dyno_comparators::{Architecture, Comparator, ComparatorError, LanguageModel};
use dyno_qwen35::vision::{PatchGrid, Patches};
use serde_json::{Value, json};
use tempfile::TempDir;

const FAMILIES: [(&str, Architecture); 5] = [
    ("llama", Architecture::Llama),
    ("qwen2", Architecture::Qwen2),
    ("qwen3", Architecture::Qwen3),
    ("gemma3", Architecture::Gemma3),
    ("phi3", Architecture::Phi3),
];

fn data(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(family)
}

fn words() -> Vec<String> {
    let mut words: Vec<_> =
        (0..96).map(|at| char::from_u32(0x100 + at).expect("a letter").to_string()).collect();
    // One of them is the merge of two others.
    words[95] = format!("{}{}", words[0], words[1]);
    words
}

/// The checkpoint with a tokenizer beside it.
fn folder(family: &str) -> TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for file in ["config.json", "model.safetensors"] {
        fs::copy(data(family).join(file), copy.path().join(file)).expect("the checkpoint is copied");
    }
    let vocab: serde_json::Map<String, Value> =
        words().into_iter().enumerate().map(|(at, word)| (word, json!(at))).collect();
    let tokenizer = json!({"version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": []}});
    fs::write(copy.path().join("tokenizer.json"), tokenizer.to_string()).expect("a tokenizer is written");
    copy
}

fn reference(family: &str) -> (Vec<u32>, Vec<Vec<f32>>) {
    let text = fs::read_to_string(data(family).join("reference.json")).expect("a reference");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let read = |key: &str| json[key].clone();
    (
        serde_json::from_value(read("ids")).expect("ids"),
        serde_json::from_value(read("logits")).expect("logits"),
    )
}

fn largest_gap(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_family_computes_what_transformers_does() {
    for (family, architecture) in FAMILIES {
        let folder = folder(family);
        let mut model =
            Comparator::open(folder.path(), &Device::Cpu).unwrap_or_else(|e| panic!("{family}: {e}"));
        assert_eq!(model.architecture(), architecture);
        let (ids, expected) = reference(family);
        let rows = model.feed_all(&ids).unwrap();
        for (at, (row, expected)) in rows.iter().zip(&expected).enumerate() {
            let gap = largest_gap(row, expected);
            assert!(gap < 1e-4, "{family}: token {at} is off by {gap}");
        }
        assert_eq!((model.len(), model.vocab()), (ids.len(), 96));

        // At once, and in two parts after one another, from a clean state each time.
        for cut in [ids.len(), 7] {
            model.reset();
            assert!(model.is_empty());
            let mut last = model.feed(&ids[..cut]).unwrap();
            if cut < ids.len() {
                assert!(largest_gap(&last, &expected[cut - 1]) < 1e-4, "{family}: the first part");
                last = model.feed(&ids[cut..]).unwrap();
            }
            let gap = largest_gap(&last, expected.last().unwrap());
            assert!(gap < 1e-4, "{family}: cut at {cut} is off by {gap}");
        }
    }
}

/// Two pictures in one prompt, in one part and in two, and three tokens after it.
#[test]
fn the_family_that_sees_computes_what_its_reference_does() {
    let (checkpoint, blind) = (folder("qwen3_vl"), folder("qwen3"));
    let mut model = Comparator::open(checkpoint.path(), &Device::Cpu).unwrap();
    let file = data("qwen3_vl").join("reference.safetensors");
    let recorded = candle_core::safetensors::load(file, &Device::Cpu).expect("a reference");
    let ids = |name: &str| -> Vec<u32> {
        let ids = recorded[name].flatten_all().unwrap().to_vec1::<i64>().unwrap();
        ids.into_iter().map(|id| id as u32).collect()
    };
    let (prompt, after) = (ids("prompt"), ids("after"));
    let expected = recorded["logits"].to_vec2::<f32>().unwrap();
    let pixels = recorded["pixels"].to_vec2::<f32>().unwrap();
    let vision = *model.vision().expect("a tower");
    let grids = ids("grids");
    let mut rows = pixels.into_iter();
    let pictures: Vec<Patches> = grids
        .chunks_exact(3)
        .map(|grid| {
            let [time, height, width] = [0, 1, 2].map(|axis| grid[axis] as usize);
            let grid = PatchGrid { time, height, width };
            let values = rows.by_ref().take(grid.patches()).flatten().collect();
            Patches::from_rows(values, grid, &vision).unwrap()
        })
        .collect();
    let seen = model.see(&pictures).unwrap();
    assert_eq!(seen.tokens(), 8);
    let close = |row: &[f32], at: usize, what: &str| {
        let gap = largest_gap(row, &expected[at]);
        assert!(gap < 1e-4, "{what}: token {at} is off by {gap}");
    };
    close(&model.feed_seen(&prompt, &seen).unwrap(), prompt.len() - 1, "the prompt");
    for (at, id) in after.iter().enumerate() {
        close(&model.feed(&[*id]).unwrap(), prompt.len() + at, "after it");
    }
    // The pictures one after the other, with text of the second part before its picture.
    model.reset();
    let (first, second) = prompt.split_at(10);
    let one_by_one: Vec<_> = pictures.iter().map(|picture| model.see([picture]).unwrap()).collect();
    close(&model.feed_seen(first, &one_by_one[0]).unwrap(), 9, "the first part");
    close(&model.feed_seen(second, &one_by_one[1]).unwrap(), prompt.len() - 1, "the second part");
    assert!(model.feed_seen(second, &seen).is_err(), "pictures and placeholders must match");
    assert!(Comparator::open(blind.path(), &Device::Cpu).unwrap().see(&pictures).is_err());
}

#[test]
fn contexts_end_where_the_code_would_be_wrong() {
    for (family, limit) in [("llama", 128), ("gemma3", 64), ("phi3", 64)] {
        let folder = folder(family);
        let mut model = Comparator::open(folder.path(), &Device::Cpu).unwrap();
        assert_eq!(model.context_limit(), limit);
        assert!(matches!(model.feed(&vec![1; limit + 1]), Err(ComparatorError::ContextFull { .. })));
        assert!(matches!(model.feed(&[96]), Err(ComparatorError::UnknownToken { id: 96, vocab: 96 })));
        assert!(matches!(model.feed(&[]), Err(ComparatorError::NothingFed)));
        assert!(model.is_empty(), "a refused feed leaves no trace");
    }
}

#[test]
fn costs_grow_with_depth_by_the_state() {
    let folder = folder("qwen2");
    let model = Comparator::open(folder.path(), &Device::Cpu).unwrap();
    let (bytes, flops) = model.cost(0);
    let (deeper_bytes, deeper_flops) = model.cost(10);
    // 21,792 parameters less the table of 96 x 32 that is only looked up.
    assert_eq!((bytes, flops), (4 * 18_720, 2 * 18_720));
    // Two layers, keys and values of two heads of eight, f32; four query heads.
    assert_eq!(deeper_bytes - bytes, 10 * 2 * 2 * 2 * 8 * 4);
    assert_eq!(deeper_flops - flops, 10 * 4 * 2 * 4 * 8);
}

#[test]
fn what_would_run_wrongly_is_refused() {
    let changed = |family: &str, change: &dyn Fn(&mut Value)| {
        let folder = folder(family);
        let path = folder.path().join("config.json");
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut config);
        fs::write(&path, config.to_string()).unwrap();
        Comparator::open(folder.path(), &Device::Cpu).unwrap_err()
    };
    let error = changed("qwen2", &|config| config["model_type"] = json!("mamba"));
    assert!(matches!(&error, ComparatorError::UnknownArchitecture { .. }));
    assert!(error.to_string().contains("llama, qwen2"), "{error}");
    let error = changed("qwen2", &|config| config["rope_scaling"] = json!({"type": "yarn", "factor": 4.0}));
    assert!(matches!(error, ComparatorError::WouldRunWrongly { .. }), "{error}");
    // One layer fewer leaves tensors unread.
    let error = changed("qwen3", &|config| config["num_hidden_layers"] = json!(1));
    assert!(matches!(error, ComparatorError::WouldRunWrongly { .. }), "{error}");
    // One more is missing, which makes this family's code panic.
    let error = changed("llama", &|config| config["num_hidden_layers"] = json!(3));
    assert!(matches!(error, ComparatorError::Load { .. }), "{error}");
}

/// The tiny Qwen2 as a GGUF file in f32.
fn gguf(extra: Option<&str>) -> (TempDir, PathBuf) {
    let tensors = candle_core::safetensors::load(data("qwen2").join("model.safetensors"), &Device::Cpu)
        .expect("a file of ours");
    let renamed = [
        ("model.layers.", "blk."),
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    let mut out: Vec<(String, QTensor)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let name = renamed.iter().fold(name.clone(), |name, (from, to)| name.replace(from, to));
            (name, QTensor::quantize(tensor, GgmlDType::F32).expect("a file of ours"))
        })
        .collect();
    if let Some(name) = extra {
        let tensor = Tensor::zeros(32, candle_core::DType::F32, &Device::Cpu).expect("a file of ours");
        out.push((name.to_owned(), QTensor::quantize(&tensor, GgmlDType::F32).expect("a file of ours")));
    }
    let text = |words: &str| GgufValue::String(words.to_owned());
    let numbers = [
        ("block_count", 2),
        ("context_length", 128),
        ("embedding_length", 32),
        ("feed_forward_length", 48),
        ("attention.head_count", 4),
        ("attention.head_count_kv", 2),
    ];
    let mut metadata: Vec<(String, GgufValue)> =
        numbers.iter().map(|(key, number)| (format!("qwen2.{key}"), GgufValue::U32(*number))).collect();
    metadata.extend([
        ("general.architecture".to_owned(), text("qwen2")),
        ("qwen2.attention.layer_norm_rms_epsilon".to_owned(), GgufValue::F32(1e-6)),
        ("qwen2.rope.freq_base".to_owned(), GgufValue::F32(10_000.0)),
        ("tokenizer.ggml.model".to_owned(), text("gpt2")),
        ("tokenizer.ggml.pre".to_owned(), text("qwen2")),
        (
            "tokenizer.ggml.tokens".to_owned(),
            GgufValue::Array(words().iter().map(|word| text(word)).collect()),
        ),
        ("tokenizer.ggml.token_type".to_owned(), GgufValue::Array(vec![GgufValue::I32(1); 96])),
        ("tokenizer.ggml.merges".to_owned(), GgufValue::Array(vec![text("\u{100} \u{101}")])),
        ("tokenizer.ggml.eos_token_id".to_owned(), GgufValue::U32(1)),
    ]);
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let out: Vec<_> = out.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let folder = tempfile::tempdir().expect("a file of ours");
    let path = folder.path().join("tiny.gguf");
    gguf_file::write(&mut fs::File::create(&path).expect("a file of ours"), &metadata, &out)
        .expect("a file of ours");
    (folder, path)
}

#[test]
fn a_gguf_file_computes_the_same() {
    let (_folder, path) = gguf(None);
    let mut model = Comparator::open(&path, &Device::Cpu).unwrap();
    let (ids, expected) = reference("qwen2");
    let rows = model.feed_all(&ids).unwrap();
    for (row, expected) in rows.iter().zip(&expected) {
        assert!(largest_gap(row, expected) < 1e-3);
    }
    model.reset();
    assert!(largest_gap(&model.feed(&ids).unwrap(), expected.last().unwrap()) < 1e-3);
    assert_eq!((model.context_limit(), model.tokenizer().end_ids()), (128, &[1][..]));
}

#[test]
fn a_gguf_tensor_that_would_be_left_out_is_named() {
    let (_folder, path) = gguf(Some("blk.1.attn_sinks.weight"));
    let error = Comparator::open(&path, &Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("blk.1.attn_sinks.weight"), "{error}");
}

#[test]
fn a_broken_gguf_file_is_an_error() {
    let (folder, path) = gguf(None);
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 20, 200, whole.len() / 2, whole.len() - 1] {
        let cut = folder.path().join("cut.gguf");
        fs::write(&cut, &whole[..length]).unwrap();
        assert!(Comparator::open(&cut, &Device::Cpu).is_err(), "{length}");
    }
}
