//! The language model's parts of the check.

use candle_core::Tensor;
use dyno_weights::VHeadOrder;

use super::reference::Reference;
use super::{Comparison, compare, compare_logits, gates};
use crate::config::LinearAttention;
use crate::error::Result;
use crate::gdn::rule::{self, RuleInput};
use crate::gdn::{BLOCK, DeltaState};
use crate::layer::LayerState;
use crate::model::{Input, Logits, Qwen35};
use crate::norm::l2_norm;
use crate::rope::Position;

pub(super) fn prompts(model: &Qwen35, reference: &Reference) -> Result<Vec<Comparison>> {
    let mut list = Vec::new();
    for length in reference.names_after("ids.") {
        let ids = reference.ids(&format!("ids.{length}"))?;
        let mut boundaries = Vec::new();
        let mut keep = |index: usize, x: &Tensor| boundaries.push((index, x.clone()));
        let mut state = model.state()?;
        let output = model.forward_watched(&mut state, Input::text(&ids), Logits::All, Some(&mut keep))?;
        for (index, x) in boundaries {
            let name = format!("hidden.{length}.{index}");
            if reference.has(&name) {
                list.push(compare(&name, &x, &reference.tensor(&name)?, gates::HIDDEN)?);
            }
        }
        let name = format!("logits.{length}");
        list.push(compare_logits(&name, &output.logits, &reference.tensor(&name)?)?);
    }
    Ok(list)
}

pub(super) fn decode(model: &Qwen35, order: VHeadOrder, reference: &Reference) -> Result<Vec<Comparison>> {
    let ids = reference.ids("ids")?;
    let prefill = (reference.counts("prefill_len")?[0] as usize).min(ids.len());
    let mut state = model.state()?;
    let mut rows = vec![model.forward(&mut state, Input::text(&ids[..prefill]), Logits::All)?.logits];
    for id in &ids[prefill..] {
        rows.push(model.forward(&mut state, Input::text(&[*id]), Logits::Last)?.logits);
    }
    let logits = Tensor::cat(&rows, 0)?;
    let mut list =
        vec![compare_logits("logits_incremental", &logits, &reference.tensor("logits_incremental")?)?];
    let sizes = &model.config().text.linear;
    for (index, layer) in state.layers.iter().enumerate() {
        let mut held = |part: &str, ours: &Tensor, gate: f64| -> Result<()> {
            let name = format!("cache.{index}.{part}");
            let mut theirs = reference.tensor(&name)?.squeeze(0)?;
            if part == "conv_state" {
                // Recorded one column longer than the convolution needs.
                let (columns, kept) = (theirs.dim(1)?, ours.dim(1)?);
                theirs = theirs.narrow(1, columns - kept, kept)?;
            }
            list.push(compare(name, ours, &theirs, gate)?);
            Ok(())
        };
        match layer {
            LayerState::Linear { now, .. } => {
                held("recurrent_state", &grouped(&now.recurrent, 0, sizes, order)?, gates::STATE)?;
                held("conv_state", &recorded_conv(&now.conv, sizes, order)?, gates::KEY_VALUE)?;
            }
            LayerState::Delta { now, .. } => {
                let shape = (sizes.value_heads, sizes.key_dim, sizes.value_dim);
                let recurrent = Tensor::from_slice(&now.state, shape, model.device())?;
                let shape = (sizes.conv_kernel - 1, sizes.conv_channels());
                let conv = Tensor::from_slice(&now.conv, shape, model.device())?;
                held("recurrent_state", &grouped(&recurrent, 0, sizes, order)?, gates::STATE)?;
                held("conv_state", &recorded_conv(&conv, sizes, order)?, gates::KEY_VALUE)?;
            }
            LayerState::Kept(kept) => {
                let (keys, values) = kept.tensors()?;
                held("key", &keys, gates::KEY_VALUE)?;
                held("value", &values, gates::KEY_VALUE)?;
            }
            LayerState::Full(cache) => {
                if let Some((keys, values)) = cache.held() {
                    held("key", &keys, gates::KEY_VALUE)?;
                    held("value", &values, gates::KEY_VALUE)?;
                }
            }
        }
    }
    Ok(list)
}

/// Brings the value heads along `dim` into the order of safetensors, which the recordings have.
fn grouped(x: &Tensor, dim: usize, sizes: &LinearAttention, order: VHeadOrder) -> Result<Tensor> {
    if order == VHeadOrder::Grouped {
        return Ok(x.clone());
    }
    let each = sizes.value_heads / sizes.key_heads;
    let mut split = x.dims().to_vec();
    split.splice(dim..=dim, [each, sizes.key_heads, x.dim(dim)? / sizes.value_heads]);
    Ok(x.reshape(split)?.transpose(dim, dim + 1)?.contiguous()?.reshape(x.shape())?)
}

/// The recording is channels first.
fn recorded_conv(conv: &Tensor, sizes: &LinearAttention, order: VHeadOrder) -> Result<Tensor> {
    let keys = 2 * sizes.key_heads * sizes.key_dim;
    let values = grouped(&conv.narrow(1, keys, sizes.value_width())?, 1, sizes, order)?;
    Ok(Tensor::cat(&[&conv.narrow(1, 0, keys)?, &values], 1)?.t()?)
}

pub(super) fn delta_rule(model: &Qwen35, reference: &Reference) -> Result<Vec<Comparison>> {
    let device = model.device();
    let input = |form: &str| -> Result<RuleInput> {
        let part = |name: &str| -> Result<Tensor> {
            Ok(reference.tensor(&format!("{form}.{name}"))?.squeeze(0)?.contiguous()?.to_device(device)?)
        };
        // Recorded before normalisation, with one row per key head in the order of safetensors.
        let v = part("v")?;
        let key = |name: &str| -> Result<Tensor> {
            let x = l2_norm(&part(name)?)?;
            let (tokens, heads, dim) = x.dims3()?;
            let each = v.dim(1)? / heads;
            Ok(x.unsqueeze(2)?.expand((tokens, heads, each, dim))?.reshape((tokens, heads * each, dim))?)
        };
        let q = key("q")?;
        let scale = (q.dim(2)? as f64).powf(-0.5);
        Ok(RuleInput { q: (q * scale)?, k: key("k")?, v: v.clone(), g: part("g")?, beta: part("beta")? })
    };
    let mut list = Vec::new();
    let mut both = |what: &str, form: &str, (out, state): (Tensor, Tensor)| -> Result<()> {
        let theirs = reference.tensor(&format!("{form}.out"))?;
        list.push(compare(format!("{what} out"), &out, &theirs, gates::STATE)?);
        let theirs = reference.tensor(&format!("{form}.state_out"))?;
        list.push(compare(format!("{what} state"), &state, &theirs, gates::STATE)?);
        Ok(())
    };
    let prompt = input("chunk")?;
    let empty = DeltaState::empty(&model.config().text.linear, device)?.recurrent;
    both("blocks", "chunk", rule::chunked(&prompt, &empty, BLOCK)?)?;
    both("blocks of 16", "chunk", rule::chunked(&prompt, &empty, 16)?)?;
    both("token by token", "chunk", rule::recurrent(&prompt, &empty, |_| ())?)?;
    let carried = reference.tensor("rec.state_in")?.squeeze(0)?.to_device(device)?;
    both("one token", "rec", rule::recurrent(&input("rec")?, &carried, |_| ())?)?;
    both("one token as a block", "rec", rule::chunked(&input("rec")?, &carried, BLOCK)?)?;
    if let Some(layer) = model.layer(0).and_then(|layer| layer.gated_delta()) {
        let x = reference.tensor("module_in")?.squeeze(0)?.to_device(device)?;
        let mut state = DeltaState::empty(&model.config().text.linear, device)?;
        let y = layer.forward(&x, &mut state, None)?;
        list.push(compare("whole layer", &y, &reference.tensor("module_out")?, gates::STATE)?);
    }
    Ok(list)
}

pub(super) fn draft_head(model: &Qwen35, reference: &Reference) -> Result<Vec<Comparison>> {
    let Some(head) = model.draft() else { return Ok(Vec::new()) };
    let (ids, next) = (reference.ids("ids")?, reference.ids("next_ids")?);
    let mut state = model.state()?;
    let hidden = model.forward(&mut state, Input::text(&ids), Logits::Last)?.hidden;
    let embedded = model.embed(&next)?;
    let positions: Vec<Position> = (0..ids.len() as u32).map(|position| [position; 3]).collect();
    let turns = model.rotary().turns(&positions, model.device())?;
    let joined = head.join(&embedded, &hidden)?;
    let out = head.forward(&embedded, &hidden, &turns, &mut head.state())?;
    Ok(vec![
        compare("hidden_in", &hidden, &reference.tensor("hidden_in")?, gates::HIDDEN)?,
        compare("fc_out", &joined, &reference.tensor("fc_out")?, gates::HIDDEN)?,
        compare("hidden_out", &out, &reference.tensor("hidden_out")?, gates::HIDDEN)?,
        compare_logits("logits", &model.logits(&out)?, &reference.tensor("logits")?)?,
    ])
}
