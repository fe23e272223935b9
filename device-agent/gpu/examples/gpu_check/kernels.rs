//! Which kernels there are to check, and their numbers beside the reference's.

use std::error::Error;

use dyno_gpu::samples::{Shape, sample};
use dyno_gpu::{Dry, Gpu, Kernel, Model, Scalar};
use dyno_weights::{Checkpoint, Format, shapes};
use serde_json::{Value, json};

use crate::whole;

/// Every kernel of the models that are measured, and of the recorded checkpoint.
pub(crate) fn all() -> Result<Vec<Kernel>, Box<dyn Error>> {
    let mut all = Vec::new();
    let mut add = |weights: &Checkpoint, kind| -> Result<(), Box<dyn Error>> {
        let model = Model::load(Dry::default(), weights, kind)?;
        for kernel in model.kernels() {
            if !all.contains(kernel) {
                all.push(kernel.clone());
            }
        }
        Ok(())
    };
    // Widths do not matter to a kernel's name: narrow models ask for the same ones.
    let formats = ["affine3-g64", "affine5-g64", "affine6-g64", "affine4-g64", "affine8-g64", "bf16"];
    for (format, kind) in formats.iter().flat_map(|format| [(format, Scalar::F32), (format, Scalar::F16)]) {
        let mut config = shapes::config("0.8b").ok_or("no such size")?;
        for (key, value) in
            [("hidden_size", 128), ("intermediate_size", 128), ("vocab_size", 256), ("eos_token_id", 0)]
        {
            config["text_config"][key] = value.into();
        }
        config.as_object_mut().ok_or("not an object")?.remove("vision_config");
        let format: Format = format.parse()?;
        add(&Checkpoint::synthetic(&config, 1, format)?, kind)?;
    }
    add(&whole::recorded()?, Scalar::F32)?;
    all.sort_by_key(Kernel::symbol);
    Ok(all)
}

/// Each kernel on small inputs and on ones of the 2B's widths.
pub(crate) fn compare(gpu: &mut impl Gpu) -> Result<Vec<Value>, Box<dyn Error>> {
    let wide = Shape { rows: 75, cols: 2048, key_heads: 16, value_heads: 16, tokens: 40, ..Shape::SMALL };
    let mut rows = Vec::new();
    for kernel in all()? {
        let handle = gpu.kernel(&kernel)?;
        let mut worst = 0f64;
        let mut bound = 0f64;
        for (seed, shape) in [(1, Shape::SMALL), (2, wide)] {
            let Some(sample) = sample(&kernel, shape, seed) else { continue };
            let found = sample.found(gpu, handle)?;
            worst = worst.max(sample.difference(&found, &sample.expected()));
            bound = sample.bound();
        }
        let verdict = if worst <= bound { "within" } else { "ABOVE" };
        println!("{worst:9.2e} {verdict} {bound:.1e}  {}", kernel.instance());
        rows.push(json!({"kernel": kernel.instance(), "off": worst, "bound": bound}));
    }
    Ok(rows)
}
