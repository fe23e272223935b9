//! Files that lie, are cut short or were never weights: an error that names file and tensor, and nothing worse.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use candle_core::Device;
use dyno_weights::{Checkpoint, Format, WeightError};
use proptest::prelude::*;
use tempfile::TempDir;

/// Small valid files, shared with the fuzz targets.
const PLAIN: &[u8] = include_bytes!("../fuzz/corpus/safetensors/plain");
const AFFINE: &[u8] = include_bytes!("../fuzz/corpus/safetensors/affine");
const MODEL: &[u8] = include_bytes!("../fuzz/corpus/gguf/model");
const BLOCKS: &[u8] = include_bytes!("../fuzz/corpus/gguf/blocks");
const QUANTIZED: &str = r#"{"quantization":{"bits":4,"group_size":32}}"#;

/// A file or folder to open, gone when dropped.
struct Case {
    path: PathBuf,
    _folder: TempDir,
}

fn safetensors(config: &str, weights: &[u8]) -> Case {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    std::fs::write(folder.path().join("model.safetensors"), weights).unwrap();
    Case { path: folder.path().to_owned(), _folder: folder }
}

fn gguf(bytes: &[u8]) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    Case { path, _folder: folder }
}

/// Opens and asks for everything; any error will do, a panic will not.
fn exhaust(path: &Path) -> Result<(), WeightError> {
    let checkpoint = Checkpoint::open(path)?;
    for name in checkpoint.names() {
        let shape = checkpoint.shape(name).unwrap_or_default().to_vec();
        let elements: usize = shape.iter().product();
        let cols = shape.last().copied().unwrap_or(1);
        checkpoint.tensor(name, &shape, &Device::Cpu)?;
        if shape.len() < 3 {
            checkpoint.linear(name, elements / cols, cols, &Device::Cpu)?.dequantize()?;
        }
    }
    checkpoint.sha256().map(drop)
}

fn header(json: &str, data: usize) -> Vec<u8> {
    let mut out = (json.len() as u64).to_le_bytes().to_vec();
    out.extend(json.as_bytes());
    out.resize(out.len() + data, 0);
    out
}

#[test]
fn the_valid_files_are_valid() {
    exhaust(&safetensors("{}", PLAIN).path).unwrap();
    exhaust(&safetensors(QUANTIZED, AFFINE).path).unwrap();
    exhaust(&gguf(MODEL).path).unwrap();
    exhaust(&gguf(BLOCKS).path).unwrap();
}

#[test]
fn safetensors_lies_are_named() {
    let tensor = |dtype: &str, shape: &str, range: &str| {
        format!(r#"{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{range}}}}}"#)
    };
    let max = usize::MAX;
    let eighth = max / 8 + 1;
    let cases = [
        (Vec::new(), "no safetensors"),
        (vec![255; 8], "longer than the file"),
        (header("{", 0), "header is wrong"),
        (header("[]", 0), "header is wrong"),
        (header(&"[".repeat(100_000), 0), "header is wrong"),
        (header("{\"\u{0}x\":1}", 0), "header is wrong"),
        (header(&tensor("F32", "[2]", "[0,8]"), 4), "cut short"),
        (header(&tensor("F32", "[2]", "[0,8]"), 9), "belong to none"),
        (header(&tensor("F32", "[2]", "[0,4]"), 4), "needs 8"),
        (header(&tensor("F32", "[2]", "[8,0]"), 8), "begins at byte"),
        (header(&tensor("F32", "[0]", "[0,0]"), 0), "empty shape"),
        (header(&tensor("F32", "[1152921504606846976]", "[0,4]"), 4), "impossible shape"),
        (header(&tensor("F32", &format!("[{max},{max}]"), "[0,4]"), 4), "impossible shape"),
        (header(&tensor("U8", &format!("[{eighth}]"), &format!("[0,{eighth}]")), 4), "impossible shape"),
        (header(&tensor("F32", "[-2]", "[0,8]"), 8), "header is wrong"),
        (header(&tensor("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4), "9 dimensions"),
        (header(&tensor("Q7", "[2]", "[0,8]"), 8), "header is wrong"),
        (
            header(
                r#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                3,
            ),
            "`y`",
        ),
        (
            header(
                r#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
                2,
            ),
            "comes twice",
        ),
    ];
    for (bytes, expected) in cases {
        let case = safetensors("{}", &bytes);
        let error = Checkpoint::open(&case.path).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("model.safetensors"), "{expected}: {error}");
    }
}

#[test]
fn two_names_for_one_tensor_are_an_error() {
    let json = r#"{"model.norm.weight":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"norm.weight":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#;
    let error = Checkpoint::open(&safetensors("{}", &header(json, 4)).path).unwrap_err().to_string();
    assert!(error.contains("means the same"), "{error}");
}

#[test]
fn quantization_blocks_that_do_not_fit_are_named() {
    for (config, expected) in [
        ("{}", "no quantization block"),
        (r#"{"quantization":7}"#, "no table"),
        (r#"{"quantization":{"bits":7,"group_size":32}}"#, "unknown bits"),
        (r#"{"quantization":{"bits":4,"group_size":0}}"#, "unknown bits"),
        (r#"{"quantization":{"bits":4,"group_size":33}}"#, "unknown bits"),
        (r#"{"quantization":{"bits":1e300,"group_size":32}}"#, "unknown bits"),
        (r#"{"quantization":{"bits":4,"group_size":32,"mode":"odd"}}"#, "mode"),
        (r#"{"quantization":{"bits":8,"group_size":32}}"#, "does not fit"),
        (r#"{"quantization":{"bits":4,"group_size":128}}"#, "does not fit"),
        (r#"{"quantization":{"mode":"mxfp4"}}"#, "no scales of type"),
    ] {
        let error = Checkpoint::open(&safetensors(config, AFFINE).path).unwrap_err().to_string();
        assert!(error.contains(expected), "{config}: {error}");
    }
}

#[test]
fn an_index_cannot_lead_out_of_the_folder() {
    for name in ["../x.safetensors", "/etc/x.safetensors", "a\\\\x.safetensors", ".x.safetensors", "passwd"] {
        let case = safetensors("{}", PLAIN);
        let index = format!(r#"{{"weight_map":{{"x":"{name}"}}}}"#);
        std::fs::write(case.path.join("model.safetensors.index.json"), index).unwrap();
        let error = Checkpoint::open(&case.path).unwrap_err().to_string();
        assert!(error.contains("no plain file name"), "{name}: {error}");
    }
    for (index, expected) in [
        (r#"{"weight_map":{"x":"model.safetensors"}}"#, "no tensor `x`"),
        (r#"{"weight_map":{"x":"model-2.safetensors"}}"#, "model-2.safetensors"),
        (r#"{"weight_map":{}}"#, "no model*.safetensors"),
        (r#"{"weight_map":[]}"#, "weight_map"),
        ("{", "not JSON"),
    ] {
        let case = safetensors("{}", PLAIN);
        std::fs::write(case.path.join("model.safetensors.index.json"), index).unwrap();
        let error = Checkpoint::open(&case.path).unwrap_err().to_string();
        assert!(error.contains(expected), "{index}: {error}");
    }
}

#[test]
fn a_shape_against_the_configuration_is_named() {
    let case = safetensors("{}", PLAIN);
    let checkpoint = Checkpoint::open(&case.path).unwrap();
    let name = "language_model.layers.0.input_layernorm.weight";
    for error in [
        checkpoint.tensor(name, &[5], &Device::Cpu).unwrap_err(),
        checkpoint.linear(name, 2, 2, &Device::Cpu).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("input_layernorm") && error.contains("the configuration needs"), "{error}");
    }
    let error = checkpoint.tensor("language_model.norm.weight", &[4], &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("language_model.norm.weight"), "{error}");
}

/// Changes `bytes` at every place where `from` stands to `to`, of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut hits = 0;
    for at in 0..=bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            out[at..at + from.len()].copy_from_slice(to);
            hits += 1;
        }
    }
    assert!(hits > 0, "nothing was changed");
    out
}

#[test]
fn gguf_lies_are_named() {
    let at = |offset: usize, value: u64| {
        let mut out = MODEL.to_vec();
        out[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        out
    };
    let dims = |from: [u64; 2], to: [u64; 2]| {
        let raw = |d: [u64; 2]| [d[0].to_le_bytes(), d[1].to_le_bytes()].concat();
        replaced(MODEL, &raw(from), &raw(to))
    };
    for (bytes, expected) in [
        (b"GGU".to_vec(), "magic"),
        (b"GGML\x03\0\0\0".to_vec(), "begin with"),
        (replaced(MODEL, b"GGUF\x03", b"GGUF\x04"), "version 4"),
        (at(8, 1 << 60), "more than its size allows"),
        (at(16, 1 << 60), "more than its size allows"),
        (at(24, 1 << 60), "bytes"),
        (replaced(MODEL, b"general.architecture", b"general.\xffrchitecture"), "not UTF-8"),
        (replaced(MODEL, b"qwen35.block_count\x04", b"qwen35.block_count\x0d"), "unknown type 13"),
        (replaced(MODEL, b"general.architecture", b"tokenizer.ggml.model"), "twice"),
        (dims([32, 3], [32, 0]), "empty shape"),
        (dims([32, 3], [1 << 33, 1 << 33]), "impossible shape"),
        (dims([32, 3], [33, 3]), "cannot be q4_0"),
        (dims([32, 3], [32, 6]), "inside the one before"),
        (MODEL[..MODEL.len() - 40].to_vec(), "cut short"),
    ] {
        let case = gguf(&bytes);
        let error = Checkpoint::open(&case.path).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("model.gguf"), "{expected}: {error}");
    }
}

#[test]
fn strange_paths_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["missing", "missing.gguf"] {
        assert!(matches!(Checkpoint::open(&folder.path().join(name)), Err(WeightError::Read { .. })));
    }
    let error = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("config.json"), "{error}");
    std::fs::write(folder.path().join("weights.bin"), b"x").unwrap();
    assert!(Checkpoint::open(&folder.path().join("weights.bin")).is_err());
    std::fs::write(folder.path().join("config.json"), b"[]").unwrap();
    let error = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no JSON object"), "{error}");
}

static SEEDS: LazyLock<Vec<(bool, &'static [u8])>> =
    LazyLock::new(|| vec![(false, PLAIN), (false, AFFINE), (true, MODEL), (true, BLOCKS)]);

fn open_any(is_gguf: bool, bytes: &[u8]) -> Result<(), WeightError> {
    let case = if is_gguf { gguf(bytes) } else { safetensors(QUANTIZED, bytes) };
    exhaust(&case.path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_files_never_open(seed in 0usize..4, keep in 0.0f64..1.0) {
        let (is_gguf, bytes) = SEEDS[seed];
        let cut = &bytes[..(bytes.len() as f64 * keep) as usize];
        // GGUF pads its end, so a few last bytes may be missing without harm.
        let harmless = is_gguf && bytes.len() - cut.len() < 32;
        prop_assert!(harmless || open_any(is_gguf, cut).is_err());
    }

    #[test]
    fn changed_files_never_panic(
        seed in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let (is_gguf, bytes) = SEEDS[seed];
        let mut bytes = bytes.to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = open_any(is_gguf, &bytes);
    }

    #[test]
    fn large_numbers_never_panic(seed in 0usize..4, at in any::<prop::sample::Index>(), shift in 0u32..64) {
        let (is_gguf, bytes) = SEEDS[seed];
        let mut bytes = bytes.to_vec();
        let at = at.index(bytes.len() - 8);
        bytes[at..at + 8].copy_from_slice(&(u64::MAX >> shift).to_le_bytes());
        let _ = open_any(is_gguf, &bytes);
    }

    #[test]
    fn spliced_files_never_panic(a in 0usize..4, b in 0usize..4, cut in 0.0f64..1.0, start in 0.0f64..1.0) {
        let ((is_gguf, a), (_, b)) = (SEEDS[a], SEEDS[b]);
        let mut bytes = a[..(a.len() as f64 * cut) as usize].to_vec();
        bytes.extend(&b[(b.len() as f64 * start) as usize..]);
        let _ = open_any(is_gguf, &bytes);
    }
}

#[test]
fn formats_have_names_that_read_back() {
    for bits in Format::AFFINE_BITS {
        for group in Format::AFFINE_GROUPS {
            let format = Format::affine(bits, group).unwrap();
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }
    assert_eq!("Q6_K".parse(), Ok(Format::Q6K));
    assert_eq!("affine4".parse(), Ok(Format::Affine { bits: 4, group: 64 }));
    for wrong in ["", "affine", "affine7-g64", "affine4-g63", "q9_9"] {
        assert!(wrong.parse::<Format>().is_err(), "{wrong}");
    }
}
