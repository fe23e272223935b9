//! Rotary positions of a prompt: text counts upward on all three axes, a picture spreads over two of them.

use crate::config::MediaTokens;
use crate::error::{ModelError, Result};
use crate::rope::Position;

/// Height and width, in tokens, of one picture (one temporal patch of a video).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenGrid {
    /// Rows of tokens.
    pub height: usize,
    /// Tokens in a row.
    pub width: usize,
}

impl TokenGrid {
    /// Tokens in the picture.
    pub fn tokens(&self) -> usize {
        self.height * self.width
    }
}

/// A stretch of a prompt that is all text or exactly one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    Text(std::ops::Range<usize>),
    Picture(std::ops::Range<usize>),
}

/// A prompt's runs, the position of each token, and the position after the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub runs: Vec<Run>,
    pub positions: Vec<Position>,
    pub next: u32,
}

/// Lays out `ids` from position `start`. Every run of placeholder tokens must match the next of `grids`, and
/// all grids must be used.
pub fn lay_out(ids: &[u32], media: Option<MediaTokens>, grids: &[TokenGrid], start: u32) -> Result<Layout> {
    let mut layout = Layout { runs: Vec::new(), positions: Vec::with_capacity(ids.len()), next: start };
    // A prompt without pictures may contain any id: a text benchmark draws from the whole vocabulary.
    if grids.is_empty() {
        layout.push_text(0..ids.len());
        return Ok(layout);
    }
    let Some(media) = media else {
        return Err(ModelError::config(
            "image_token_id",
            "is missing, so no placeholder can be told from text",
        ));
    };
    let is_placeholder = |id: u32| id == media.image || id == media.video;
    let mut grids = grids.iter();
    let mut at = 0;
    while at < ids.len() {
        if !is_placeholder(ids[at]) {
            let end = at + ids[at..].iter().take_while(|id| !is_placeholder(**id)).count();
            layout.push_text(at..end);
            at = end;
            continue;
        }
        let grid = grids.next().ok_or_else(|| mismatch("more picture placeholders than pictures"))?;
        let end = at + grid.tokens();
        if ids.len() < end || ids[at..end].iter().any(|id| *id != ids[at]) {
            return Err(mismatch(format!(
                "fewer placeholders than the {} tokens of a {} x {} picture",
                grid.tokens(),
                grid.height,
                grid.width
            )));
        }
        layout.push_picture(at..end, *grid);
        at = end;
    }
    match grids.next() {
        None => Ok(layout),
        Some(_) => Err(mismatch("fewer picture placeholders than pictures")),
    }
}

impl Layout {
    /// Tokens that stand for pictures.
    pub fn pictured(&self) -> usize {
        let tokens = |run: &Run| match run {
            Run::Text(_) => 0,
            Run::Picture(range) => range.len(),
        };
        self.runs.iter().map(tokens).sum()
    }

    fn push_text(&mut self, range: std::ops::Range<usize>) {
        let count = range.len() as u32;
        self.positions.extend((self.next..self.next + count).map(|position| [position; 3]));
        self.next += count;
        self.runs.push(Run::Text(range));
    }

    fn push_picture(&mut self, range: std::ops::Range<usize>, grid: TokenGrid) {
        let (first, height, width) = (self.next, grid.height as u32, grid.width as u32);
        let places = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        self.positions.extend(places.map(|(row, column)| [first, first + row, first + column]));
        self.next += height.max(width);
        self.runs.push(Run::Picture(range));
    }
}

fn mismatch(what: impl Into<String>) -> ModelError {
    ModelError::refused(
        format!("the prompt has {}", what.into()),
        "expand every picture to one placeholder per token, in order",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIA: MediaTokens = MediaTokens { image: 90, video: 91, start: 92, end: 93 };

    #[test]
    fn text_after_a_picture_goes_on_from_its_longer_side() -> Result<()> {
        let grid = TokenGrid { height: 1, width: 3 };
        let layout = lay_out(&[5, 92, 90, 90, 90, 93, 6], Some(MEDIA), &[grid], 10)?;
        let expected = [[10; 3], [11; 3], [12, 12, 12], [12, 12, 13], [12, 12, 14], [15; 3], [16; 3]];
        assert_eq!(layout.positions, expected);
        assert_eq!(layout.next, 17);
        Ok(())
    }

    #[test]
    fn two_pictures_that_touch_are_told_apart_by_their_grids() -> Result<()> {
        let grids = [TokenGrid { height: 1, width: 1 }, TokenGrid { height: 2, width: 1 }];
        let layout = lay_out(&[90, 90, 90], Some(MEDIA), &grids, 0)?;
        assert_eq!(layout.runs, [Run::Picture(0..1), Run::Picture(1..3)]);
        assert_eq!(layout.positions, [[0, 0, 0], [1, 1, 1], [1, 2, 1]]);
        Ok(())
    }

    #[test]
    fn placeholders_and_pictures_must_match() {
        let grid = TokenGrid { height: 1, width: 2 };
        for (ids, grids) in [
            (vec![90, 1, 90], vec![grid]),
            (vec![90], vec![grid]),
            (vec![1], vec![grid]),
            (vec![90, 90, 90], vec![grid]),
            (vec![90, 91], vec![grid]),
        ] {
            assert!(lay_out(&ids, Some(MEDIA), &grids, 0).is_err(), "{ids:?}");
        }
    }
}
