//! The engine against tensors recorded from the reference implementation (`scripts/oracle/make_tiny.py`).

use std::path::{Path, PathBuf};

use candle_core::Device;
use dyno_qwen35::CpuPath;
use dyno_qwen35::check::{Comparison, Outcome, Part, check, check_on};
use dyno_weights::{Checkpoint, Format, VHeadOrder, quantize_to_gguf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Checks one recorded checkpoint by every exact way of computing, and that exactly `parts` were compared; lists
/// everything that failed.
fn agrees(name: &str, parts: &[Part]) {
    for path in CpuPath::exact() {
        agrees_by(path, name, parts);
    }
}

fn agrees_by(path: CpuPath, name: &str, parts: &[Part]) {
    let folder = data(name);
    let weights = Checkpoint::open(&folder).expect("opens");
    let report = check_on(&weights, &folder, &Device::Cpu, path).expect("runs");
    let compared: Vec<Part> = report
        .parts
        .iter()
        .filter(|(_, outcome)| *outcome != Outcome::Absent)
        .map(|(part, _)| *part)
        .collect();
    assert_eq!(compared, parts);
    let failed: Vec<(Part, &Comparison)> =
        report.comparisons().filter(|(_, comparison)| !comparison.passed()).collect();
    assert!(failed.is_empty() && report.passed(), "{path}: {failed:#?}");
}

#[test]
fn dense_tied_with_vision_and_drafts() {
    agrees("dense", &Part::ALL);
}

#[test]
fn mixture_of_experts() {
    agrees("moe", &[Part::Text, Part::Decode, Part::DraftHead]);
}

#[test]
fn untied_head_in_a_text_only_export() {
    agrees("untied", &[Part::Text, Part::DraftHead]);
}

/// GGUF stores value heads in another order, decays and norms in another form: the same references must hold.
#[test]
fn the_same_weights_in_gguf() {
    for (name, parts) in [
        ("dense", &[Part::Text, Part::Decode, Part::DeltaRule, Part::DraftHead][..]),
        ("moe", &[Part::Text, Part::Decode, Part::DraftHead]),
    ] {
        let weights = Checkpoint::open(&data(name)).expect("opens");
        let out = tempfile::tempdir().expect("a folder");
        let file = out.path().join("model.gguf");
        let written = quantize_to_gguf(&weights, Format::F32, &file, &mut |_| ()).expect("writes");
        let gguf = Checkpoint::open(&written.path).expect("opens");
        assert_eq!(gguf.v_head_order(), VHeadOrder::Tiled, "{name}");
        for (part, path) in
            parts.iter().flat_map(|part| [CpuPath::Reference, CpuPath::Best].map(|path| (part, path)))
        {
            let reference = data(name).join(part.file_name());
            let report = check_on(&gguf, &reference, &Device::Cpu, path).expect("runs");
            let failed: Vec<_> =
                report.comparisons().filter(|(_, comparison)| !comparison.passed()).collect();
            assert!(failed.is_empty() && report.passed(), "{name}, {path}: {failed:#?}");
        }
    }
}

/// The check must be able to fail: another checkpoint's references do not fit.
#[test]
fn references_of_other_weights_are_not_met() {
    let weights = Checkpoint::open(&data("untied")).expect("opens");
    let report = check(&weights, &data("dense").join("ref_text.safetensors"), &Device::Cpu).expect("runs");
    assert!(!report.passed());
}
