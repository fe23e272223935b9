//! The host's end of a conversation, with a deadline on every wait.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dyno_protocol::codec::{CodecError, read_message, read_preamble, write_message, write_preamble};
use dyno_protocol::{Answer, Failure, FromAgent, Hello, JobId, Question, Record, ToAgent, Welcome};

use crate::error::{RunnerError, Trouble};
use crate::log::Log;

/// How long an agent may take to greet.
const GREETING: Duration = Duration::from_secs(30);
/// How often a wait looks up to see whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// What keeps the agent's process or tunnel alive; dropping it ends it.
pub trait Hold: Send {
    /// Waits a moment for a clean end, then ends it anyway.
    fn end(&mut self);
}

pub struct Conversation {
    device: String,
    out: Box<dyn Write + Send>,
    incoming: Receiver<Result<FromAgent, CodecError>>,
    next_id: u64,
    welcome: Welcome,
    log: Log,
    hold: Box<dyn Hold>,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Conversation").field("device", &self.device).finish_non_exhaustive()
    }
}

/// What a runner hands over once bytes can flow.
pub struct Line {
    pub from_agent: Box<dyn Read + Send>,
    pub to_agent: Box<dyn Write + Send>,
    pub log: Log,
    pub hold: Box<dyn Hold>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Line").finish_non_exhaustive()
    }
}

impl Conversation {
    /// Greets the agent. The line is ended when the greeting fails.
    pub fn begin(device: &str, line: Line, secret: String) -> Result<Self, RunnerError> {
        const STEP: &str = "greeting it";
        let Line { mut from_agent, mut to_agent, log, mut hold } = line;
        let (send, incoming) = channel();
        std::thread::spawn(move || {
            if let Err(error) = read_preamble(&mut from_agent) {
                let _ = send.send(Err(error));
                return;
            }
            loop {
                let message = read_message(&mut from_agent);
                let over = message.is_err();
                if send.send(message).is_err() || over {
                    return;
                }
            }
        });
        let hello = Hello { secret, host_version: env!("CARGO_PKG_VERSION").to_owned() };
        let sent = write_preamble(&mut to_agent)
            .and_then(|()| write_message(&mut to_agent, &ToAgent { id: 0, question: Question::Hello(hello) }));
        let answered = wait(&incoming, GREETING, &|| false);
        let answer = match answered {
            Ok(Some(FromAgent::Reply { answer, .. })) => Ok(answer),
            Ok(_) => Err(Trouble::WrongAnswer { step: STEP }),
            // Writing failed because the agent is gone: what it said before says more.
            Err(trouble) => Err(trouble.into_trouble(STEP, GREETING, &log)),
        };
        let welcome = match answer {
            Ok(Ok(Answer::Welcome(welcome))) => Ok(*welcome),
            Ok(Ok(_)) => Err(Trouble::WrongAnswer { step: STEP }),
            Ok(Err(failure)) => Err(Trouble::Refused { failure }),
            Err(trouble) => Err(trouble),
        };
        match (welcome, sent) {
            (Ok(welcome), Ok(())) => {
                Ok(Self { device: device.to_owned(), out: to_agent, incoming, next_id: 1, welcome, log, hold })
            }
            (Ok(_), Err(what)) => {
                hold.end();
                Err(RunnerError::new(device, Trouble::Conversation { step: STEP, what }))
            }
            (Err(trouble), _) => {
                hold.end();
                Err(RunnerError::new(device, trouble))
            }
        }
    }

    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The agent's last lines.
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Asks one question and waits for its answer.
    pub fn ask(&mut self, question: Question, within: Duration) -> Result<Answer, RunnerError> {
        const STEP: &str = "asking a question";
        let id = self.send(question, STEP)?;
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.receive(left, &|| false, STEP, within)? {
                Some(FromAgent::Reply { id: answered, answer }) if answered == id => return self.accept(answer),
                // Records of a job that nobody follows any more, or a reply that came too late.
                Some(_) => {}
                None => return Err(self.error(Trouble::Hung { step: STEP, waited: within })),
            }
        }
    }

    /// Hands on a job's records from `from_record` until the job has ended, or until `give_up` says so.
    pub fn follow(
        &mut self,
        job: &JobId,
        from_record: u64,
        silence: Duration,
        give_up: &dyn Fn() -> bool,
        on_record: &mut dyn FnMut(Record),
    ) -> Result<(), RunnerError> {
        const STEP: &str = "following a job";
        let id = self.send(Question::Follow { job: job.clone(), from_record }, STEP)?;
        loop {
            match self.receive(silence, give_up, STEP, silence)? {
                Some(FromAgent::Record { job: of, record }) if of == *job => on_record(record),
                Some(FromAgent::Reply { id: answered, answer }) if answered == id => {
                    return self.accept(answer).map(|_| ());
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }

    /// Ends the agent.
    pub fn end(&mut self) {
        let id = self.next_id;
        let _ = write_message(&mut self.out, &ToAgent { id, question: Question::Shutdown });
        self.hold.end();
    }

    fn send(&mut self, question: Question, step: &'static str) -> Result<u64, RunnerError> {
        let id = self.next_id;
        self.next_id += 1;
        match write_message(&mut self.out, &ToAgent { id, question }) {
            Ok(()) => Ok(id),
            Err(CodecError::Io(_)) => Err(self.error(Trouble::Died { step, log: self.log.lines() })),
            Err(what) => Err(self.error(Trouble::Conversation { step, what })),
        }
    }

    fn receive(
        &self,
        within: Duration,
        give_up: &dyn Fn() -> bool,
        step: &'static str,
        whole_wait: Duration,
    ) -> Result<Option<FromAgent>, RunnerError> {
        wait(&self.incoming, within, give_up)
            .map_err(|trouble| self.error(trouble.into_trouble(step, whole_wait, &self.log)))
    }

    fn accept(&self, answer: Result<Answer, Failure>) -> Result<Answer, RunnerError> {
        answer.map_err(|failure| self.error(Trouble::Refused { failure }))
    }

    fn error(&self, what: Trouble) -> RunnerError {
        RunnerError::new(&self.device, what)
    }
}

enum Missed {
    Silence,
    Gone,
    Broken(CodecError),
}

impl Missed {
    fn into_trouble(self, step: &'static str, waited: Duration, log: &Log) -> Trouble {
        match self {
            Self::Silence => Trouble::Hung { step, waited },
            Self::Gone => {
                // Its last words may still be on their way through the other pipe.
                std::thread::sleep(LOOK_UP);
                Trouble::Died { step, log: log.lines() }
            }
            Self::Broken(what) => Trouble::Conversation { step, what },
        }
    }
}

/// The next message; `None` when it is not wanted any more.
fn wait(
    incoming: &Receiver<Result<FromAgent, CodecError>>,
    within: Duration,
    give_up: &dyn Fn() -> bool,
) -> Result<Option<FromAgent>, Missed> {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match incoming.recv_timeout(left.min(LOOK_UP)) {
            Ok(Ok(message)) => return Ok(Some(message)),
            Ok(Err(CodecError::Closed | CodecError::Io(_) | CodecError::CutFrame { .. }))
            | Err(RecvTimeoutError::Disconnected) => return Err(Missed::Gone),
            Ok(Err(error)) => return Err(Missed::Broken(error)),
            Err(RecvTimeoutError::Timeout) if give_up() => return Ok(None),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Missed::Silence),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
