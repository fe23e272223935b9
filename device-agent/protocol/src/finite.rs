//! Numbers that JSON can carry. A NaN or an infinity would be written as `null` and come back as nothing at all,
//! so it is refused where it is written: at the agent that made it, with the name of what it is.

use serde::ser::Error;
use serde::{Serialize, Serializer};

use crate::Known;

fn refusal<E: Error>(value: f64) -> E {
    E::custom(format_args!("{value} is no measurement and cannot be sent or kept"))
}

pub(crate) fn number<S: Serializer, F: Copy + Into<f64> + Serialize>(
    value: &F,
    to: S,
) -> Result<S::Ok, S::Error> {
    let wide: f64 = (*value).into();
    if wide.is_finite() { value.serialize(to) } else { Err(refusal(wide)) }
}

pub(crate) fn numbers<S: Serializer>(values: &[f32], to: S) -> Result<S::Ok, S::Error> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refusal(f64::from(*value))),
        None => values.serialize(to),
    }
}

pub(crate) fn known<S: Serializer>(known: &Known<f64>, to: S) -> Result<S::Ok, S::Error> {
    match known {
        Known::Is(value) => number(value, to),
        Known::Unknown(_) => known.serialize(to),
    }
}
