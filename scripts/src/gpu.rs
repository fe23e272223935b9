//! The GPU kernels: what their tests need, mistakes that the tests must find, and a real device where one is.

use xshell::{Shell, cmd};

/// The compiler that the emulator and CUDA take the kernels through, and its sanitizer.
pub(crate) fn install(shell: &Shell) -> anyhow::Result<()> {
    crate::install::ensure(shell, "clang-19", "clang-19")?;
    let runtime = cmd!(shell, "clang-19 -print-file-name=libclang_rt.asan-x86_64.so").quiet().read()?;
    if std::path::Path::new(runtime.trim()).is_absolute() {
        return Ok(());
    }
    crate::install::package(shell, "libclang-rt-19-dev")
}

/// Tries every so many of the mutants; fails where too few are found out.
pub(crate) fn mutants(shell: &Shell, every: usize) -> anyhow::Result<()> {
    install(shell)?;
    let every = every.to_string();
    let tried =
        cmd!(shell, "cargo run -q --release --locked -p dyno-gpu-emulator --example mutants -- {every}");
    Ok(tried.run()?)
}

/// Compares and measures on an NVIDIA device; says so where there is none.
pub(crate) fn measure(shell: &Shell) -> anyhow::Result<()> {
    install(shell)?;
    Ok(cmd!(shell, "cargo run -q --release -p dyno-gpu --features cuda --example gpu_check -- run").run()?)
}
