//! Agents that are silent, of another version, not Dyno, cut off, gone or confused: each is told apart, and none
//! of them keeps the host waiting for ever.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod fake;

use dyno_protocol::codec::{CodecError, MAX_FRAME_BYTES};
use dyno_protocol::{Answer, Failure, FailureKind, JobId, PROTOCOL_VERSION, Question, ToAgent};
use dyno_runners::{Conversation, RunnerError, Trouble};
use fake::{AT_ONCE, Peer, SOON, begin, line, state};

const GO_ON: &dyn Fn() -> bool = &|| false;

fn trouble(error: RunnerError) -> Trouble {
    assert!(error.to_string().starts_with("a device: "), "{error}");
    error.what
}

fn follow(conversation: &mut Conversation, from: u64) -> (Vec<u64>, Result<(), RunnerError>) {
    let mut seen = Vec::new();
    let ended =
        conversation.follow(&JobId("job".into()), from, SOON, GO_ON, &mut |record| seen.push(record.record));
    (seen, ended)
}

#[test]
fn an_agent_that_never_greets_is_left_after_the_deadline_and_ended() {
    let (line, ended) = line(None, Peer::wait);
    let error = Conversation::begin_within("a device", line, "secret".into(), AT_ONCE).unwrap_err();
    assert!(ended.is_so());
    assert!(matches!(trouble(error), Trouble::Hung { step: "greeting it", .. }));
}

#[test]
fn an_agent_of_another_version_is_named_with_both() {
    let error = begin(|mut peer| {
        let theirs = PROTOCOL_VERSION + 7;
        peer.bytes(&[b"DYNO".as_slice(), &theirs.to_le_bytes()].concat());
        peer.wait();
    })
    .unwrap_err();
    let said = error.to_string();
    let Trouble::Conversation { what: CodecError::OtherVersion { theirs }, .. } = trouble(error) else {
        panic!("{said}")
    };
    assert_eq!(theirs, PROTOCOL_VERSION + 7);
    assert!(said.contains("install the same release"), "{said}");
}

#[test]
fn something_that_is_not_an_agent_is_not_taken_for_one() {
    let error = begin(|mut peer| {
        peer.bytes(b"login: ");
        peer.wait();
    })
    .unwrap_err();
    assert!(matches!(trouble(error), Trouble::Conversation { what: CodecError::NotDyno(_), .. }));
}

#[test]
fn a_wrong_secret_is_a_refusal_with_its_next_step() {
    let error = begin(|mut peer| {
        peer.preambles();
        let id = peer.hear().id;
        let failure = Failure::new(FailureKind::Unauthorised, "no").with_next_step("start it anew");
        peer.answer(id, Err(failure));
        peer.wait();
    })
    .unwrap_err();
    assert_eq!(error.refusal().map(|failure| failure.kind), Some(FailureKind::Unauthorised));
    assert!(error.to_string().ends_with("no; start it anew"), "{error}");
}

#[test]
fn an_agent_that_dies_is_told_apart_from_one_that_hangs() {
    let (line, _) = line(Some("signal: 9 (SIGKILL)"), |mut peer| {
        peer.greet();
        peer.hear();
    });
    let mut conversation = Conversation::begin_within("a device", line, "secret".into(), SOON).unwrap();
    let error = conversation.ask(Question::Status, SOON).unwrap_err();
    assert!(
        error.to_string().contains("(signal: 9 (SIGKILL)) while the host was asking for its state"),
        "{error}"
    );
    assert_eq!(error.as_failure().kind, FailureKind::AgentDied);

    let mut conversation = begin(|mut peer| {
        peer.greet();
        peer.wait();
    })
    .unwrap();
    let error = conversation.ask(Question::Status, AT_ONCE).unwrap_err();
    assert_eq!(error.as_failure().kind, FailureKind::TimedOut);
    assert!(matches!(trouble(error), Trouble::Hung { .. }));
}

#[test]
fn half_a_frame_is_death_where_the_agent_died_and_a_broken_line_where_not() {
    let script = |mut peer: Peer| {
        peer.greet();
        peer.hear();
        peer.bytes(&[200, 0, 0, 0, b'{', b'"']);
    };
    let died = line(Some("exit status: 86"), script).0;
    let mut conversation = Conversation::begin_within("a device", died, "secret".into(), SOON).unwrap();
    assert!(matches!(trouble(conversation.ask(Question::Status, SOON).unwrap_err()), Trouble::Died { .. }));

    let mut conversation = begin(script).unwrap();
    let cut = trouble(conversation.ask(Question::Status, SOON).unwrap_err());
    let Trouble::Conversation { what: CodecError::CutFrame { got: 2, expected: 200 }, .. } = cut else {
        panic!("{cut:?}")
    };
}

#[test]
fn an_announced_giant_ends_the_conversation_and_takes_no_memory() {
    let mut conversation = begin(|mut peer| {
        peer.greet();
        peer.hear();
        peer.bytes(&(MAX_FRAME_BYTES + 1).to_le_bytes());
        peer.wait();
    })
    .unwrap();
    let error = trouble(conversation.ask(Question::Status, SOON).unwrap_err());
    assert!(matches!(error, Trouble::Conversation { what: CodecError::FrameTooLarge { .. }, .. }));
}

#[test]
fn an_agent_that_stops_reading_does_not_block_the_host_s_end() {
    // Nobody takes the frames in: what does not fit into the socket's buffer cannot leave.
    let (line, ended) = line(None, |mut peer| {
        peer.greet();
        let left_open = peer;
        std::thread::park_timeout(SOON);
        drop(left_open);
    });
    let mut conversation = Conversation::begin_within("a device", line, "secret".into(), SOON).unwrap();
    assert!(conversation.ask(Question::Status, AT_ONCE).is_err());
    conversation.end();
    assert!(ended.is_so());
}

#[test]
fn late_replies_and_strangers_records_are_passed_over() {
    let mut conversation = begin(|mut peer| {
        peer.greet();
        let late = peer.hear().id;
        let id = peer.hear().id;
        peer.answer(late, Ok(Answer::Accepted));
        peer.record("another job", 0);
        peer.answer(id, Ok(Answer::Status(state())));
        peer.wait();
    })
    .unwrap();
    assert!(conversation.ask(Question::Status, AT_ONCE).is_err());
    assert_eq!(conversation.ask(Question::Status, SOON).unwrap(), Answer::Status(state()));
}

#[test]
fn a_journal_is_followed_from_where_it_was_left_without_a_record_twice_or_missing() {
    let mut conversation = begin(|mut peer| {
        peer.greet();
        let ToAgent { id, question } = peer.hear();
        assert_eq!(question, Question::Follow { job: JobId("job".into()), from_record: 2 });
        // What an earlier follow left over comes in between.
        for number in [0, 2, 1, 3, 5, 3, 4, 5] {
            peer.record("job", number);
        }
        peer.answer(id, Ok(Answer::Followed { records: 6 }));
        peer.wait();
    })
    .unwrap();
    let (seen, ended) = follow(&mut conversation, 2);
    ended.unwrap();
    assert_eq!(seen, [2, 3, 4, 5]);
}

#[test]
fn a_missing_record_is_said_to_be_missing() {
    let mut conversation = begin(|mut peer| {
        peer.greet();
        let id = peer.hear().id;
        for number in [0, 1, 3] {
            peer.record("job", number);
        }
        peer.answer(id, Ok(Answer::Followed { records: 4 }));
        peer.wait();
    })
    .unwrap();
    let (seen, ended) = follow(&mut conversation, 0);
    assert_eq!(seen, [0, 1]);
    assert!(matches!(trouble(ended.unwrap_err()), Trouble::Gap { expected: 2, records: 4 }));
}

#[test]
fn following_stops_when_nobody_wants_it_any_more_and_the_conversation_goes_on() {
    let mut conversation = begin(|mut peer| {
        peer.greet();
        peer.hear();
        peer.record("job", 0);
        let id = peer.hear().id;
        peer.answer(id, Ok(Answer::Cancelled));
        peer.wait();
    })
    .unwrap();
    let enough = std::cell::Cell::new(false);
    let job = JobId("job".into());
    conversation.follow(&job, 0, SOON, &|| enough.get(), &mut |_| enough.set(true)).unwrap();
    assert_eq!(conversation.ask(Question::Cancel { job }, SOON).unwrap(), Answer::Cancelled);
}

#[test]
fn another_answer_than_was_asked_for_is_no_answer() {
    let mut conversation = begin(|mut peer| {
        peer.greet();
        let id = peer.hear().id;
        peer.answer(id, Ok(Answer::Bye));
        peer.wait();
    })
    .unwrap();
    let (_, ended) = follow(&mut conversation, 0);
    assert!(matches!(trouble(ended.unwrap_err()), Trouble::WrongAnswer { step: "following a job" }));
}
