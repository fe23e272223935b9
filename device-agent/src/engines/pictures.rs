//! Pictures and videos of a prompt, cut for a tower by the checkpoint's own settings.

use dyno_protocol::{Failure, FailureKind, ImageData, VideoSpan};
use dyno_qwen35::ModelError;
use dyno_qwen35::config::VisionConfig;
use dyno_qwen35::vision::{ImageSettings, Patches, Picture, VideoSettings};
use dyno_text::{MediaTokens, VideoTokens};
use dyno_weights::Texts;

/// A picture, or a video with the time of each of its temporal patches.
#[derive(Debug)]
pub(super) struct Medium {
    pub(super) patches: Patches,
    timestamps_s: Option<Vec<f64>>,
}

/// All of them in the order of the prompt.
pub(super) fn media(
    images: &[ImageData],
    videos: &[VideoSpan],
    vision: Option<&VisionConfig>,
    texts: &Texts,
) -> Result<Vec<Medium>, Failure> {
    if images.is_empty() && videos.is_empty() {
        return Ok(Vec::new());
    }
    let vision = vision.ok_or_else(|| refused("this model sees no pictures"))?;
    let still = match &texts.preprocessor_config {
        Some(json) => ImageSettings::parse(json).map_err(model)?,
        None => ImageSettings::default(),
    };
    let moving = match &texts.video_preprocessor_config {
        Some(json) => VideoSettings::parse(json).map_err(model)?,
        None => VideoSettings::default(),
    };
    let picture = |image: &ImageData| {
        Picture::new(image.width as usize, image.height as usize, image.rgb.clone()).map_err(model)
    };
    let (mut out, mut at) = (Vec::new(), 0);
    let mut videos = videos.iter().peekable();
    while at < images.len() || videos.peek().is_some() {
        if let Some(video) = videos.next_if(|video| video.first as usize == at) {
            let frames = images.get(at..at + video.at_ms.len()).filter(|frames| !frames.is_empty());
            let frames = frames.ok_or_else(|| refused("a video has more times than pictures, or none"))?;
            let frames = frames.iter().map(picture).collect::<Result<Vec<_>, _>>()?;
            let patches = Patches::video(&frames, vision, &moving).map_err(model)?;
            let times = video.at_ms.chunks(vision.temporal_patch).map(middle_s).collect();
            out.push(Medium { patches, timestamps_s: Some(times) });
            at += frames.len();
        } else {
            let image = images.get(at).ok_or_else(|| refused("a video begins behind the pictures"))?;
            let patches = Patches::image(&picture(image)?, vision, &still).map_err(model)?;
            out.push(Medium { patches, timestamps_s: None });
            at += 1;
        }
    }
    Ok(out)
}

/// The time that stands for the frames of one temporal patch.
fn middle_s(at_ms: &[u64]) -> f64 {
    let (first, last) = (at_ms.first().copied().unwrap_or(0), at_ms.last().copied().unwrap_or(0));
    f64::midpoint(first as f64, last as f64) / 1e3
}

/// The places that a prompt needs for them.
pub(super) fn tokens(media: &[Medium]) -> MediaTokens {
    let mut tokens = MediaTokens::default();
    for medium in media {
        match &medium.timestamps_s {
            None => tokens.images.push(medium.patches.tokens()),
            Some(times) => tokens.videos.push(VideoTokens {
                per_frame: medium.patches.tokens() / times.len().max(1),
                timestamps_s: times.clone(),
            }),
        }
    }
    tokens
}

fn refused(what: &str) -> Failure {
    Failure::new(FailureKind::Refused, what)
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn model(error: ModelError) -> Failure {
    refused(&error.to_string())
}
