//! The pictures' parts of the check.

use candle_core::{Device, Tensor};
use dyno_weights::Checkpoint;

use super::reference::{Reference, flat};
use super::{Comparison, compare, compare_counts, compare_logits, gates};
use crate::config::VisionConfig;
use crate::error::{ModelError, Result};
use crate::model::{Input, Logits, Output, Qwen35, VisionFeatures};
use crate::state::State;
use crate::vision::{ImageSettings, PatchGrid, Patches, Picture, Size, VideoSettings, VisionTower};

fn parts(model: &Qwen35) -> Result<(&VisionConfig, &VisionTower)> {
    model.config().vision.as_ref().zip(model.vision()).ok_or_else(|| {
        ModelError::refused("pictures for a checkpoint without vision", "leave their references out")
    })
}

pub(super) fn image(model: &Qwen35, weights: &Checkpoint, reference: &Reference) -> Result<Vec<Comparison>> {
    let (config, tower) = parts(model)?;
    let settings = match &weights.texts().preprocessor_config {
        Some(json) => ImageSettings::parse(json)?,
        None => ImageSettings::default(),
    };
    let patches = Patches::image(&pictures(&reference.tensor("rgb")?)?[0], config, &settings)?;
    let mut list = compare_patches(&patches, reference, "pixel_values", "grid_thw", gates::PIXELS)?;
    let hidden = tower.encode(&patches, &mut |_, _| Ok(()))?;
    list.push(compare(
        "vision_last_hidden",
        &hidden,
        &reference.tensor("vision_last_hidden")?,
        gates::VISION,
    )?);
    let features = tower.see(&patches)?;
    list.push(compare("image_embeds", &features.rows, &reference.tensor("image_embeds")?, gates::VISION)?);
    let (mut state, output) = prompt(model, reference, &features, &mut list)?;
    list.push(compare_logits("logits", &output.logits, &reference.tensor("logits")?)?);
    let mut rows = Vec::new();
    for id in reference.ids("decode_tokens")? {
        rows.push(model.forward(&mut state, Input::text(&[id]), Logits::Last)?.logits);
    }
    list.push(compare_logits("decode_logits", &Tensor::cat(&rows, 0)?, &reference.tensor("decode_logits")?)?);
    Ok(list)
}

pub(super) fn video(model: &Qwen35, reference: &Reference) -> Result<Vec<Comparison>> {
    let (config, _) = parts(model)?;
    let frames = reference.tensor("frames")?;
    let (count, _, height, width) = frames.dims4()?;
    let planes = (0..count).map(|index| flat(&frames.get(index)?)).collect::<Result<Vec<_>>>()?;
    let patches = Patches::cut(&planes, Size { height, width }, config)?;
    let mut list = compare_patches(&patches, reference, "pixel_values_videos", "grid_thw", gates::EXACT)?;
    let features = model.see(&patches)?;
    list.push(compare("video_embeds", &features.rows, &reference.tensor("video_embeds")?, gates::VISION)?);
    let (_, output) = prompt(model, reference, &features, &mut list)?;
    list.push(compare_logits("logits", &output.logits, &reference.tensor("logits")?)?);
    Ok(list)
}

pub(super) fn pixels(model: &Qwen35, reference: &Reference) -> Result<Vec<Comparison>> {
    let (config, _) = parts(model)?;
    let bounds = |name: &str| -> Result<ImageSettings> {
        let bounds = reference.ids(name)?;
        Ok(ImageSettings {
            min_pixels: u64::from(bounds[0]),
            max_pixels: u64::from(bounds[1]),
            ..ImageSettings::default()
        })
    };
    let mut list = Vec::new();
    let settings = bounds("image_bounds")?;
    for index in 0..reference.names_after("image.").len() / 3 {
        let name = |part: &str| format!("image.{index}.{part}");
        let picture = &pictures(&reference.tensor(&name("rgb"))?)?[0];
        let patches = Patches::image(picture, config, &settings)?;
        list.extend(compare_patches(
            &patches,
            reference,
            &name("pixel_values"),
            &name("grid_thw"),
            gates::PIXELS,
        )?);
    }
    let settings = VideoSettings { image: bounds("video_bounds")?, ..VideoSettings::default() };
    let frames = pictures(&reference.tensor("video.rgb")?)?;
    let patches = Patches::video(&frames, config, &settings)?;
    list.extend(compare_patches(
        &patches,
        reference,
        "video.pixel_values",
        "video.grid_thw",
        gates::VIDEO_PIXELS,
    )?);
    Ok(list)
}

/// Reads the recorded prompt with its pictures; compares positions on the way.
fn prompt(
    model: &Qwen35,
    reference: &Reference,
    features: &VisionFeatures,
    list: &mut Vec<Comparison>,
) -> Result<(State, Output)> {
    let ids = reference.ids("ids")?;
    let mut state = model.state()?;
    let input = Input { ids: &ids, features: Some(features) };
    let output = model.forward(&mut state, input, Logits::All)?;
    let axes = (0..3).flat_map(|axis| output.positions.iter().map(move |p| i64::from(p[axis])));
    let positions: Vec<i64> = axes.collect();
    list.push(compare_counts("position_ids", &positions, &reference.counts("position_ids")?));
    let delta = i64::from(state.next_position) - ids.len() as i64;
    list.push(compare_counts("rope_delta", &[delta], &reference.counts("rope_delta")?));
    Ok((state, output))
}

fn compare_patches(
    patches: &Patches,
    reference: &Reference,
    values: &str,
    grid: &str,
    gate: f64,
) -> Result<Vec<Comparison>> {
    let PatchGrid { time, height, width } = patches.grid;
    let ours = Tensor::from_slice(&patches.values, patches.values.len(), &Device::Cpu)?;
    Ok(vec![
        compare_counts(grid, &[time as i64, height as i64, width as i64], &reference.counts(grid)?),
        compare(values, &ours, &reference.tensor(values)?, gate)?,
    ])
}

/// `[height, width, 3]` or `[frames, height, width, 3]` bytes as pictures.
fn pictures(rgb: &Tensor) -> Result<Vec<Picture>> {
    let frames = if rgb.rank() == 3 { rgb.unsqueeze(0)? } else { rgb.clone() };
    let (count, height, width, _) = frames.dims4()?;
    (0..count)
        .map(|index| Picture::new(width, height, frames.get(index)?.flatten_all()?.to_vec1::<u8>()?))
        .collect()
}
