//! A day of the calendar, for promises that end: no time, no zone, no clock.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Orders as the calendar does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

impl Day {
    /// `None` for a day that no calendar has.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        (1..=days).contains(&day).then_some(Self { year, month, day })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '-');
        let mut part = |width: usize| {
            let part = parts.next().filter(|part| part.len() == width)?;
            part.bytes().all(|letter| letter.is_ascii_digit()).then(|| part.parse::<u16>().ok())?
        };
        let day = (|| Self::new(part(4)?, part(2)? as u8, part(2)? as u8))();
        day.ok_or_else(|| format!("`{text}` is not a day such as 2026-12-31"))
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn days_are_those_of_the_calendar_and_in_its_order() {
        let day = |text: &str| text.parse::<Day>();
        assert_eq!(day("2028-02-29").unwrap().to_string(), "2028-02-29");
        for wrong in
            ["2027-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "26-01-01", "2026-01-01-01", "", "x"]
        {
            assert!(day(wrong).is_err(), "{wrong}");
        }
        assert!(day("2026-11-30").unwrap() < day("2026-12-01").unwrap());
        assert!(day("2026-12-31").unwrap() < day("2027-01-01").unwrap());
    }
}
