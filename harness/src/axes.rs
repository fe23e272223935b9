//! Lists and ranges on the command line: `0,1024,4096`, `128-2048*2`, `0-4096+1024`.

use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(pub Vec<u32>);

/// More values than this on one axis are a slip of the hand.
const MAX_VALUES: usize = 64;

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut values = Vec::new();
        for part in text.split(',') {
            expand(part.trim(), &mut values)?;
            if values.len() > MAX_VALUES {
                return Err(format!("`{text}` is more than {MAX_VALUES} values"));
            }
        }
        Ok(Self(values))
    }
}

fn expand(part: &str, values: &mut Vec<u32>) -> Result<(), String> {
    let number = |text: &str| {
        text.trim().parse::<u32>().map_err(|_| {
            format!("`{part}` is neither a number nor a range such as 128-2048*2 or 0-4096+1024")
        })
    };
    let Some((from, rest)) = part.split_once('-') else {
        values.push(number(part)?);
        return Ok(());
    };
    let from = number(from)?;
    let (to, step): (u32, Box<dyn Fn(u32) -> Option<u32>>) = if let Some((to, factor)) = rest.split_once('*')
    {
        let factor = number(factor)?;
        if factor < 2 || from == 0 {
            return Err(format!("`{part}` never ends: start above 0 and multiply by 2 or more"));
        }
        (number(to)?, Box::new(move |value| value.checked_mul(factor)))
    } else if let Some((to, add)) = rest.split_once('+') {
        let add = number(add)?;
        if add == 0 {
            return Err(format!("`{part}` never ends: add 1 or more"));
        }
        (number(to)?, Box::new(move |value| value.checked_add(add)))
    } else {
        return Err(format!("`{part}` needs a step: {rest} could be {rest}*2 or {rest}+128"));
    };
    if to < from {
        return Err(format!("`{part}` runs backwards: write {to} first"));
    }
    let mut value = Some(from);
    while let Some(now) = value.filter(|now| *now <= to && values.len() <= MAX_VALUES) {
        values.push(now);
        value = step(now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    fn numbers(text: &str) -> Result<Vec<u32>, String> {
        text.parse::<Numbers>().map(|numbers| numbers.0)
    }

    #[test]
    fn lists_and_ranges_expand() {
        assert_eq!(numbers("7"), Ok(vec![7]));
        assert_eq!(numbers("0,1024, 4096"), Ok(vec![0, 1024, 4096]));
        assert_eq!(numbers("128-1024*2"), Ok(vec![128, 256, 512, 1024]));
        assert_eq!(numbers("0-2048+1024,9"), Ok(vec![0, 1024, 2048, 9]));
        assert_eq!(numbers("4294967295-4294967295+1"), Ok(vec![u32::MAX]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_hint() {
        assert!(numbers("0-8*2").unwrap_err().contains("never ends"));
        assert!(numbers("1-8*1").unwrap_err().contains("never ends"));
        assert!(numbers("8-1+1").unwrap_err().contains("backwards"));
        assert!(numbers("1-8").unwrap_err().contains("needs a step"));
        assert!(numbers("x").unwrap_err().contains("neither"));
        assert!(numbers("0-100000+1").unwrap_err().contains("more than"));
    }
}
