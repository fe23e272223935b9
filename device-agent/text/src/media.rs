//! Pictures and videos in a prompt: one placeholder becomes as many as the model has vectors for.

use crate::TextError;

const START: &str = "<|vision_start|>";
const END: &str = "<|vision_end|>";
const IMAGE: &str = "<|image_pad|>";
const VIDEO: &str = "<|video_pad|>";

/// How many vectors each picture and video of a conversation has, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MediaTokens {
    pub images: Vec<usize>,
    pub videos: Vec<VideoTokens>,
}

/// A video is a row of small pictures, each with the time it was taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VideoTokens {
    pub per_frame: usize,
    pub timestamps_s: Vec<f64>,
}

/// The time of each temporal patch: the mean of its two frames. An odd last frame pairs with itself.
pub fn video_timestamps_s(frames: &[usize], frames_per_second: f64) -> Vec<f64> {
    let time = |frame: usize| frame as f64 / frames_per_second;
    frames.chunks(2).map(|pair| f64::midpoint(time(pair[0]), time(pair[pair.len() - 1]))).collect()
}

/// Expands the placeholders of a rendered conversation. Every placeholder must have its medium and the reverse, so a
/// message that merely spells a placeholder is found out instead of shifting all pictures by one.
pub fn expand_media(text: &str, media: &MediaTokens) -> Result<String, TextError> {
    let count = |what, pad: &str, given| {
        let placeholders = text.matches(pad).count();
        if placeholders == given { Ok(()) } else { Err(TextError::MediaCount { what, placeholders, given }) }
    };
    count("image", IMAGE, media.images.len())?;
    count("video", VIDEO, media.videos.len())?;
    if media.images.contains(&0) {
        return Err(TextError::EmptyMedia { what: "picture" });
    }
    if media.videos.iter().any(|video| video.per_frame == 0 || video.timestamps_s.is_empty()) {
        return Err(TextError::EmptyMedia { what: "video" });
    }
    let with_images = interleave(text, IMAGE, media.images.iter().map(|tokens| IMAGE.repeat(*tokens)));
    // A video's own start and end marks give way to those of its frames.
    let whole = format!("{START}{VIDEO}{END}");
    let pad = if with_images.contains(&whole) { whole.as_str() } else { VIDEO };
    Ok(interleave(&with_images, pad, media.videos.iter().map(frames)))
}

fn frames(video: &VideoTokens) -> String {
    let pads = VIDEO.repeat(video.per_frame);
    let frames: Vec<_> =
        video.timestamps_s.iter().map(|at_s| format!("<{at_s:.1} seconds>{START}{pads}{END}")).collect();
    frames.concat()
}

fn interleave(text: &str, pad: &str, mut fillings: impl Iterator<Item = String>) -> String {
    let mut parts = text.split(pad);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(&fillings.next().unwrap_or_else(|| pad.to_owned()));
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_expand_in_order() {
        let text = format!("a{START}{IMAGE}{END}b{START}{IMAGE}{END}");
        let media = MediaTokens { images: vec![2, 3], videos: Vec::new() };
        let expected = format!("a{START}{IMAGE}{IMAGE}{END}b{START}{IMAGE}{IMAGE}{IMAGE}{END}");
        assert_eq!(expand_media(&text, &media).unwrap(), expected);
    }

    #[test]
    fn a_video_becomes_frames_with_times() {
        let text = format!("see {START}{VIDEO}{END}.");
        let video = VideoTokens { per_frame: 2, timestamps_s: video_timestamps_s(&[0, 12, 24], 24.0) };
        let frame = |at: &str| format!("<{at} seconds>{START}{VIDEO}{VIDEO}{END}");
        let media = MediaTokens { images: Vec::new(), videos: vec![video] };
        // A quarter of a second rounds to the even digit, as Python prints it.
        let expected = format!("see {}{}.", frame("0.2"), frame("1.0"));
        assert_eq!(expand_media(&text, &media).unwrap(), expected);
    }

    #[test]
    fn a_spelled_placeholder_is_found_out() {
        let text = format!("what is {IMAGE}? {START}{IMAGE}{END}");
        let media = MediaTokens { images: vec![4], videos: Vec::new() };
        assert!(matches!(
            expand_media(&text, &media),
            Err(TextError::MediaCount { what: "image", placeholders: 2, given: 1 })
        ));
    }

    #[test]
    fn nothing_cannot_be_shown() {
        let media = MediaTokens { images: vec![0], videos: Vec::new() };
        assert!(matches!(expand_media(IMAGE, &media), Err(TextError::EmptyMedia { .. })));
    }
}
