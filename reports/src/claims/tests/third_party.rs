//! What others measured: it points one way or the other and never decides.

use dyno_protocol::{Known, PowerSource, ThermalState};

use super::*;
use crate::bundle::EventBody;
use crate::derive::testing::{bundle, unknown};
use crate::foreign::{ForeignRow, ForeignSource};
use crate::verdict::Leaning;

fn row(line: u32, rate: f64) -> ForeignRow {
    ForeignRow {
        source: 0,
        line,
        task: "short-chat".into(),
        model: "coreml-llm/qwen3.5-2b".into(),
        model_id: Some("qwen3.5-2b".into()),
        quant: unknown(),
        engine: "coreml-llm".into(),
        unit: Known::Is(ComputeUnit::NeuralEngine),
        device_identifier: Known::Is("iPhone18,1".into()),
        device_name: Known::Is("iPhone 17 Pro".into()),
        os_version: Known::Is("iOS 26.4.2".into()),
        os_build: unknown(),
        debug_build: Known::Is(true),
        power: Known::Is(PowerSource::Charging),
        thermal_start: Known::Is(ThermalState::Fair),
        thermal_peak: unknown(),
        low_power_mode: Known::Is(false),
        prompt_tokens: unknown(),
        generated_tokens: unknown(),
        measured_at: unknown(),
        values: [("decode_rate".to_owned(), rate)].into(),
        series: [].into(),
        flags: vec![],
    }
}

fn imported(rows: Vec<ForeignRow>) -> Bundle {
    let source = ForeignSource {
        tool: "test-tool".into(),
        file: "rows.jsonl".into(),
        sha256: "aa".into(),
        licence: None,
        verbatim: String::new(),
    };
    bundle("imported", vec![EventBody::Imported { source, rows }])
}

fn of_rates(rates: &[f64]) -> ClaimVerdict {
    let rows = rates.iter().enumerate().map(|(line, rate)| row(line as u32 + 1, *rate)).collect();
    verdict("ane-decode-2b", &[imported(rows)])
}

#[test]
fn rows_indicate_contradict_or_leave_open() {
    let indicated = of_rates(&[26.888, 28.096, 27.5]);
    assert_eq!(
        indicated.headline,
        "A third party measured 26.9 to 28.1 token/s on iPhone 17 Pro (Debug build, charging, thermal state fair): \
         the claim of 27 token/s is indicated, not confirmed."
    );
    assert_eq!((indicated.verdict, indicated.leaning), (Verdict::CannotTell, Some(Leaning::Indicated)));
    assert_eq!(indicated.evidence[0].refers_to, ["rows.jsonl:1", "rows.jsonl:2", "rows.jsonl:3"]);
    let differs = indicated.differs.join(" ");
    assert!(differs.contains("debug build") && differs.contains("OS build is not known"), "{differs}");
    let against = of_rates(&[15.0, 16.0]);
    assert_eq!(against.leaning, Some(Leaning::Contradicted));
    assert!(against.headline.contains("contradicted, not refuted"));
    assert_eq!(of_rates(&[15.0, 27.0]).leaning, Some(Leaning::Unclear));
}

#[test]
fn no_number_of_rows_decides() {
    assert_eq!(of_rates(&[27.0; 500]).verdict, Verdict::CannotTell);
    assert_eq!(of_rates(&[5.0; 500]).verdict, Verdict::CannotTell);
}

#[test]
fn rows_about_something_else_say_nothing() {
    let changed = |change: &dyn Fn(&mut ForeignRow)| {
        let mut one = row(1, 27.0);
        change(&mut one);
        verdict("ane-decode-2b", &[imported(vec![one])]).leaning
    };
    assert_eq!(changed(&|_| {}), Some(Leaning::Indicated));
    assert_eq!(changed(&|row| row.model_id = None), None);
    assert_eq!(changed(&|row| row.model_id = Some("qwen3.5-0.8b".into())), None);
    assert_eq!(changed(&|row| row.engine = "mlx-swift".into()), None);
    assert_eq!(changed(&|row| row.unit = Known::Is(ComputeUnit::Gpu)), None);
    assert_eq!(changed(&|row| row.unit = Known::unknown("not said")), None);
    let mac = |row: &mut ForeignRow| {
        row.device_identifier = Known::unknown("not said");
        row.device_name = Known::Is("Mac".into());
    };
    assert_eq!(changed(&mac), None);
}

#[test]
fn own_measurements_decide_beside_rows_that_disagree() {
    let told = three(&decode("qwen3.5-2b", ComputeUnit::NeuralEngine), 27.0, 100.0);
    let found = verdict("ane-decode-2b", &[on(&phone(), &told), imported(vec![row(1, 12.0)])]);
    assert_eq!((found.verdict, found.leaning), (Verdict::Holds, None));
    assert_eq!(found.evidence.len(), 2, "and both are shown");
}

/// The rows that come with Dyno, as they are.
#[test]
fn the_rows_that_come_with_dyno_point_at_the_second_claim() {
    let evidence = crate::import::embedded_evidence(&definitions()).unwrap();
    let bodies = evidence.into_iter().map(|(source, rows)| EventBody::Imported { source, rows }).collect();
    let found = verdict("ane-decode-2b", &[bundle("embedded", bodies)]);
    assert_eq!((found.verdict, found.leaning), (Verdict::CannotTell, Some(Leaning::Indicated)), "{found:#?}");
    assert!(
        found.headline.starts_with("A third party measured ") && found.headline.contains("Debug build"),
        "{}",
        found.headline
    );
}
