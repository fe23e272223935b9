//! Which build of dyno this is, for manifests.

use std::fs::File;
use std::io::Read;

use dyno_reports::bundle::{HostFacts, ToolFacts};
use sha2::{Digest, Sha256};

pub(crate) fn facts() -> ToolFacts {
    ToolFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_sha256: binary_sha256(),
        debug_build: cfg!(debug_assertions),
    }
}

pub(crate) fn host() -> HostFacts {
    HostFacts {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        logical_cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u32),
    }
}

fn binary_sha256() -> Option<String> {
    let mut file = File::open(std::env::current_exe().ok()?).ok()?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(dyno_protocol::codec::hex(&hasher.finalize())),
            more => hasher.update(&piece[..more]),
        }
    }
}
