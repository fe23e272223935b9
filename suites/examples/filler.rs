//! Prints a prompt of filler ids as a run makes it: `filler TOKENS SEED VOCABULARY` gives its hash, then its ids.
//! `scripts/oracle/known_answers.py` has it answered elsewhere.
#![allow(clippy::print_stdout, reason = "an example's only way to answer")]

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = std::env::args().skip(1).map(|number| number.parse()).collect::<Result<Vec<u64>, _>>()?;
    let [tokens, seed, vocabulary] = numbers[..] else {
        return Err("usage: filler TOKENS SEED VOCABULARY".into());
    };
    let prompt = dyno_suites::filler_prompt(u32::try_from(tokens)?, seed, u32::try_from(vocabulary)?);
    println!("{}", prompt.sha256);
    let ids: Vec<String> = prompt.ids.iter().map(u32::to_string).collect();
    println!("{}", ids.join(" "));
    Ok(())
}
