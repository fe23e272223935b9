//! Numbers as texts.

/// The number that a text is, with signs of currency, thousands and per cent left out.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let plain: String =
        text.chars().filter(|letter| !matches!(letter, ',' | '$' | '%' | ' ' | '_')).collect();
    let plain = plain.trim_end_matches('.');
    if let Some((above, below)) = plain.split_once('/') {
        let (above, below) = (above.parse::<f64>().ok()?, below.parse::<f64>().ok()?);
        return Some(above / below).filter(|value| value.is_finite());
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Equal up to how decimals are written.
pub(crate) fn same(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)
}
