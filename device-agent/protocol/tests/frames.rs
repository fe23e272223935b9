//! Frames that are cut, too large, too deep, too full, of another version or of no version at all.

use dyno_protocol::codec::{
    CodecError, MAX_DEPTH, MAX_FRAME_BYTES, MAX_PIECE_BYTES, MAX_VALUES, read_message, read_preamble,
    write_message, write_preamble,
};
use dyno_protocol::{Answer, FromAgent, JobId, PROTOCOL_VERSION, Prompt, Question, StoreQuestion, ToAgent};
use std::io::{self, Read};

fn frame_of(text: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(text.len()).expect("a test frame is small").to_le_bytes().to_vec();
    frame.extend_from_slice(text);
    frame
}

fn a_message() -> ToAgent {
    ToAgent { id: 7, question: Question::Follow { job: JobId("a \"job\" }{ \\".into()), from_record: 3 } }
}

/// Gives one byte at a time, as a slow line does, and interrupts each of them once.
struct Dripping<'a> {
    left: &'a [u8],
    interrupted: bool,
}

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let take = buffer.len().min(1).min(self.left.len());
        buffer[..take].copy_from_slice(&self.left[..take]);
        self.left = &self.left[take..];
        Ok(take)
    }
}

#[test]
fn a_frame_cut_at_any_byte_is_cut_and_nothing_else() {
    let mut frame = Vec::new();
    write_message(&mut frame, &a_message()).unwrap();
    let got = |cut: usize| read_message::<ToAgent>(&mut &frame[..cut]);
    assert!(matches!(got(0), Err(CodecError::Closed)));
    for cut in 1..4 {
        assert!(
            matches!(got(cut), Err(CodecError::CutFrame { got, expected: 4 }) if got == cut),
            "cut at {cut}"
        );
    }
    for cut in 4..frame.len() {
        let (have, whole) = (cut - 4, frame.len() - 4);
        match got(cut) {
            Err(CodecError::CutFrame { got, expected }) => assert_eq!((got, expected), (have, whole)),
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert_eq!(got(frame.len()).unwrap(), a_message());
}

#[test]
fn bytes_that_come_one_by_one_make_the_same_messages() {
    let mut sent = Vec::new();
    write_preamble(&mut sent).unwrap();
    write_message(&mut sent, &a_message()).unwrap();
    write_message(&mut sent, &a_message()).unwrap();
    let mut line = Dripping { left: &sent, interrupted: false };
    read_preamble(&mut line).unwrap();
    assert_eq!(read_message::<ToAgent>(&mut line).unwrap(), a_message());
    assert_eq!(read_message::<ToAgent>(&mut line).unwrap(), a_message());
    assert!(matches!(read_message::<ToAgent>(&mut line), Err(CodecError::Closed)));
}

#[test]
fn an_announced_giant_is_not_read_further() {
    for announced in [MAX_FRAME_BYTES + 1, u32::MAX] {
        let bytes = announced.to_le_bytes();
        // Whatever came after the length stays unread, and no memory is taken for it.
        let mut line = bytes.as_slice().chain(io::repeat(b' '));
        match read_message::<ToAgent>(&mut line) {
            Err(CodecError::FrameTooLarge { bytes }) => assert_eq!(bytes, u64::from(announced)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_that_would_be_a_giant_is_not_written() {
    let text = "x".repeat(MAX_FRAME_BYTES as usize);
    let answer = FromAgent::Reply {
        id: 0,
        answer: Err(dyno_protocol::Failure::new(dyno_protocol::FailureKind::Refused, text)),
    };
    let mut sent = Vec::new();
    assert!(matches!(write_message(&mut sent, &answer), Err(CodecError::FrameTooLarge { .. })));
    assert!(sent.is_empty());
}

#[test]
fn the_largest_piece_of_a_file_fits_into_a_frame() {
    let question = Question::Store(StoreQuestion::Put {
        sha256: "0".repeat(64),
        total_bytes: u64::MAX,
        offset: u64::MAX,
        piece: vec![0xff; MAX_PIECE_BYTES],
    });
    let message = ToAgent { id: u64::MAX, question };
    let mut frame = Vec::new();
    write_message(&mut frame, &message).unwrap();
    assert_eq!(read_message::<ToAgent>(&mut frame.as_slice()).unwrap(), message);
}

#[test]
fn nesting_is_bounded_before_anything_is_built() {
    let nested = |levels: u32| {
        let levels = levels as usize;
        frame_of(&["[".repeat(levels), "]".repeat(levels)].concat().into_bytes())
    };
    let at_limit = nested(MAX_DEPTH);
    assert!(read_message::<serde_json::Value>(&mut at_limit.as_slice()).is_ok());
    for levels in [MAX_DEPTH + 1, MAX_FRAME_BYTES / 2] {
        let frame = nested(levels);
        assert!(matches!(read_message::<serde_json::Value>(&mut frame.as_slice()), Err(CodecError::TooDeep)));
    }
    // Brackets inside a text are letters.
    let text = serde_json::to_vec(&"[{\\\"".repeat(100)).unwrap();
    assert!(read_message::<String>(&mut frame_of(&text).as_slice()).is_ok());
}

#[test]
fn the_number_of_values_is_bounded() {
    let zeros = |count: usize| {
        let mut text = vec![b'['];
        text.extend(std::iter::repeat_n(*b"0,", count - 1).flatten());
        text.extend_from_slice(b"0]");
        frame_of(&text)
    };
    let many = zeros(MAX_VALUES as usize + 2);
    assert!(matches!(read_message::<Vec<u8>>(&mut many.as_slice()), Err(CodecError::TooManyValues)));
    let fewer = zeros(MAX_VALUES as usize + 1);
    assert_eq!(read_message::<Vec<u8>>(&mut fewer.as_slice()).unwrap().len(), MAX_VALUES as usize + 1);
}

#[test]
fn a_longest_context_fits_into_a_frame() {
    let ids: Vec<u32> = (0..262_144_u32).map(|place| 248_319 - place % 1000).collect();
    let rendered =
        dyno_protocol::Rendered { prompt: Prompt::new(None, ids, Vec::new()), template: "built-in".into() };
    let message = FromAgent::Reply { id: 1, answer: Ok(Answer::Rendered(rendered)) };
    let mut frame = Vec::new();
    write_message(&mut frame, &message).unwrap();
    assert_eq!(read_message::<FromAgent>(&mut frame.as_slice()).unwrap(), message);
}

#[test]
fn a_peer_of_another_version_is_named() {
    let mut preamble = Vec::new();
    write_preamble(&mut preamble).unwrap();
    read_preamble(&mut preamble.as_slice()).unwrap();
    let other = (PROTOCOL_VERSION + 1).to_le_bytes();
    preamble[4..].copy_from_slice(&other);
    let error = read_preamble(&mut preamble.as_slice()).unwrap_err();
    assert!(matches!(error, CodecError::OtherVersion { theirs } if theirs == PROTOCOL_VERSION + 1));
    assert!(error.to_string().contains("same release"), "{error}");
}

#[test]
fn a_peer_that_is_something_else_is_not_taken_for_dyno() {
    let error = read_preamble(&mut b"HTTP/1.1 400".as_slice()).unwrap_err();
    assert!(matches!(error, CodecError::NotDyno(magic) if magic == *b"HTTP"));
    for cut in 1..6 {
        assert!(
            matches!(read_preamble(&mut &b"DYNO\x01\x00"[..cut]), Err(CodecError::CutFrame { .. })),
            "cut at {cut}"
        );
    }
    assert!(matches!(read_preamble(&mut io::empty()), Err(CodecError::Closed)));
}

#[test]
fn what_is_not_a_message_is_malformed_and_not_a_panic() {
    for text in [
        "",
        "{",
        "null",
        "{}",
        "[]",
        "\u{0}",
        "{\"id\":-1,\"question\":{\"ask\":\"status\"}}",
        "{\"id\":1} x",
    ] {
        let frame = frame_of(text.as_bytes());
        assert!(
            matches!(read_message::<ToAgent>(&mut frame.as_slice()), Err(CodecError::Malformed(_))),
            "{text:?}"
        );
    }
    let not_text = frame_of(b"\"\xff\xfe\"");
    assert!(matches!(read_message::<String>(&mut not_text.as_slice()), Err(CodecError::Malformed(_))));
}

#[test]
fn a_prompt_s_hash_covers_all_of_it() {
    let image = dyno_protocol::ImageData { width: 1, height: 2, rgb: vec![1; 6] };
    let whole = Prompt::new(Some("ab".into()), vec![1, 2], vec![image]);
    assert!(whole.is_whole());
    let video = dyno_protocol::VideoSpan { first: 0, at_ms: vec![40] };
    let moving = whole.clone().with_videos(vec![video]);
    assert!(moving.is_whole() && moving.sha256 != whole.sha256);
    let mut changed =
        [whole.clone(), whole.clone(), whole.clone(), whole.clone(), whole, moving.clone(), moving];
    changed[0].text = None;
    changed[1].ids.push(3);
    changed[2].images[0].rgb[5] = 0;
    changed[3].images[0].width = 2;
    changed[4].images.clear();
    changed[5].videos[0].at_ms[0] = 41;
    changed[6].videos.clear();
    assert!(changed.iter().all(|prompt| !prompt.is_whole()));
}
