//! Texts that nobody can guess: the secret of a launch, the name of a sitting.

use dyno_protocol::codec::hex;

pub(crate) fn fresh() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex(&bytes))
}
