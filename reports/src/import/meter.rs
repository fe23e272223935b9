//! The CSV of a meter outside of a device: power by the time of day. What it says is evidence about the device
//! only together with a run that read both clocks.

use jiff::Timestamp;

use crate::bundle::{MeterReading, Metered};

use super::error::{ImportError, Mistake};

/// The names of the columns, in any order; others are left alone.
const TIME: &str = "time";
const POWER: &str = "power_w";
const VOLTAGE: &str = "voltage_v";
const CURRENT: &str = "current_a";
/// Fewer readings are no course of power.
const LEAST: usize = 2;

/// Reads a meter's file for this device; `offset_s` is added to its times to make them the host's.
pub fn meter(file: &str, bytes: &[u8], device: &str, offset_s: f64) -> Result<Metered, ImportError> {
    let readings = read(bytes, offset_s).map_err(|mistake| mistake.in_file(file))?;
    let sha256 = {
        use sha2::{Digest, Sha256};
        dyno_protocol::codec::hex(&Sha256::digest(bytes))
    };
    Ok(Metered { device: device.to_owned(), file: file.to_owned(), sha256, offset_s, readings })
}

fn read(bytes: &[u8], offset_s: f64) -> Result<Vec<MeterReading>, Mistake> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let headers = reader
        .headers()
        .map_err(|error| Mistake::new(1, format!("it is no CSV: {error}"), columns_hint()))?;
    let find = |name: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(name));
    let time = find(TIME).ok_or_else(|| Mistake::new(1, "it has no column `time`", columns_hint()))?;
    let (power, voltage, current) = (find(POWER), find(VOLTAGE), find(CURRENT));
    if power.is_none() && (voltage.is_none() || current.is_none()) {
        return Err(Mistake::new(
            1,
            "it has neither `power_w` nor `voltage_v` and `current_a`",
            columns_hint(),
        ));
    }
    let mut readings: Vec<MeterReading> = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let line = index + 2;
        let record =
            record.map_err(|error| Mistake::new(line, error.to_string(), "mend or drop the line"))?;
        let number = |column: usize| -> Result<f64, Mistake> {
            let text = record.get(column).unwrap_or_default();
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            value.ok_or_else(|| Mistake::new(line, format!("`{text}` is no number"), "mend or drop the line"))
        };
        let watts = match power {
            Some(column) => number(column)?,
            None => number(voltage.unwrap_or(0))? * number(current.unwrap_or(0))?,
        };
        let text = record.get(time).unwrap_or_default();
        let unix_ns = moment(text, offset_s).ok_or_else(|| {
            let hint = "write 2026-01-02T03:04:05.678Z, or seconds since 1970";
            Mistake::new(line, format!("`{text}` is no time"), hint)
        })?;
        if readings.last().is_some_and(|last| last.unix_ns >= unix_ns) {
            return Err(Mistake::new(
                line,
                "its time is not after the line before",
                "sort the lines by time",
            ));
        }
        readings.push(MeterReading { unix_ns, watts });
    }
    if readings.len() < LEAST {
        return Err(Mistake::new(0, "it has fewer than two readings", "let the meter run during the trials"));
    }
    Ok(readings)
}

fn columns_hint() -> &'static str {
    "the first line names the columns: `time`, and `power_w` or both `voltage_v` and `current_a`"
}

fn moment(text: &str, offset_s: f64) -> Option<u64> {
    let ns = match text.parse::<f64>() {
        Ok(seconds) => seconds * 1e9,
        Err(_) => text.parse::<Timestamp>().ok()?.as_nanosecond() as f64,
    };
    let ns = ns + offset_s * 1e9;
    (ns.is_finite() && ns >= 0.0).then_some(ns as u64)
}

#[cfg(test)]
mod tests {
    use super::meter;

    fn read(text: &str) -> Result<Vec<(u64, f64)>, String> {
        let read = meter("meter.csv", text.as_bytes(), "local", 0.5).map_err(|error| error.to_string())?;
        Ok(read.readings.iter().map(|reading| (reading.unix_ns, reading.watts)).collect())
    }

    #[test]
    fn both_forms_are_read_with_the_offset() {
        let seconds = read("time,power_w\n10,4.5\n11.5,5\n").unwrap();
        assert_eq!(seconds, [(10_500_000_000, 4.5), (12_000_000_000, 5.0)]);
        let dates =
            read("note,voltage_v,current_a,Time\nx,5,0.5,1970-01-01T00:00:10Z\ny,5,1,1970-01-01T00:00:11Z\n");
        assert_eq!(dates.unwrap(), [(10_500_000_000, 2.5), (11_500_000_000, 5.0)]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, named) in [
            ("when,power_w\n1,2\n2,3\n", "line 1: it has no column `time`"),
            ("time,voltage_v\n1,2\n2,3\n", "neither `power_w`"),
            ("time,power_w\n1,2\n2,much\n", "line 3: `much` is no number"),
            ("time,power_w\n1,2\nlater,3\n", "line 3: `later` is no time"),
            ("time,power_w\n2,2\n1,3\n", "line 3: its time is not after"),
            ("time,power_w\n2,2\n", "fewer than two readings"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
