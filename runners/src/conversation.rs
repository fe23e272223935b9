//! The host's end of a conversation, with a deadline on every wait.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dyno_protocol::codec::{CodecError, read_message, read_preamble};
use dyno_protocol::{Answer, FromAgent, Hello, JobId, Question, Record, ToAgent, Welcome};

use crate::error::{RunnerError, Trouble};
use crate::line::{Hold, Line};
use crate::log::Log;
use crate::outgoing::{NotSent, Outgoing};

/// How long an agent may take to greet.
const GREETING: Duration = Duration::from_secs(30);
/// How long an agent may take to take a question in: it reads on a thread that does nothing else.
const TAKING_IN: Duration = Duration::from_mins(1);
/// How long what an agent said before it died may still be on its way.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often a wait looks up to see whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

pub struct Conversation {
    device: String,
    out: Outgoing,
    incoming: Receiver<Result<FromAgent, CodecError>>,
    next_id: u64,
    welcome: Option<Welcome>,
    log: Log,
    hold: Box<dyn Hold>,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Conversation").field("device", &self.device).finish_non_exhaustive()
    }
}

impl Conversation {
    /// Greets the agent. The line is ended when the greeting fails.
    pub fn begin(device: &str, line: Line, secret: String) -> Result<Self, RunnerError> {
        Self::begin_within(device, line, secret, GREETING)
    }

    /// The same for a way that is known to be faster or slower than most.
    pub fn begin_within(
        device: &str,
        line: Line,
        secret: String,
        greeting: Duration,
    ) -> Result<Self, RunnerError> {
        let Line { from_agent, to_agent, log, hold } = line;
        let mut conversation = Self {
            device: device.to_owned(),
            out: Outgoing::over(to_agent),
            incoming: read_on_a_thread(from_agent),
            next_id: 0,
            welcome: None,
            log,
            hold,
        };
        let hello = Hello { secret, host_version: env!("CARGO_PKG_VERSION").to_owned() };
        match conversation.greet(hello, greeting) {
            Ok(welcome) => {
                conversation.welcome = Some(welcome);
                Ok(conversation)
            }
            Err(error) => {
                conversation.hold.end();
                Err(error)
            }
        }
    }

    fn greet(&mut self, hello: Hello, within: Duration) -> Result<Welcome, RunnerError> {
        const STEP: &str = "greeting it";
        // An agent that is gone or of another version cannot take the greeting in, and what it said before it
        // went says more than the broken pipe does.
        let sent = self.send(Question::Hello(hello), STEP);
        let until = Instant::now() + within;
        match self.reply_to(0, until, STEP, within)? {
            Answer::Welcome(welcome) => sent.map(|_| *welcome),
            _ => Err(self.error(Trouble::WrongAnswer { step: STEP })),
        }
    }

    /// What the agent said when it was greeted.
    pub fn welcome(&self) -> &Welcome {
        self.welcome.as_ref().expect("a conversation that was handed out was welcomed")
    }

    /// The agent's last lines.
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Asks one question and waits for its answer.
    pub fn ask(&mut self, question: Question, within: Duration) -> Result<Answer, RunnerError> {
        let step = step_of(&question);
        let until = Instant::now() + within;
        let id = self.send(question, step)?;
        self.reply_to(id, until, step, within)
    }

    fn reply_to(
        &mut self,
        id: u64,
        until: Instant,
        step: &'static str,
        whole_wait: Duration,
    ) -> Result<Answer, RunnerError> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.receive(left, &|| false, step, whole_wait)? {
                Some(FromAgent::Reply { id: answered, answer }) if answered == id => {
                    return answer.map_err(|failure| self.error(Trouble::Refused { failure }));
                }
                // Records of a job that nobody follows any more, or a reply that came too late.
                Some(_) => {}
                None => return Err(self.error(Trouble::Hung { step, waited: whole_wait })),
            }
        }
    }

    /// Hands on a job's records from `from_record` until the job has ended, or until `give_up` says so.
    /// `silence` is the longest time in which nothing may come.
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
        let mut expected = from_record;
        loop {
            match self.receive(silence, give_up, STEP, silence)? {
                Some(FromAgent::Record { job: of, record }) if of == *job && record.record == expected => {
                    expected += 1;
                    on_record(record);
                }
                Some(FromAgent::Reply { id: answered, answer }) if answered == id => {
                    return match answer {
                        Ok(Answer::Followed { records }) if records == expected => Ok(()),
                        Ok(Answer::Followed { records }) => {
                            Err(self.error(Trouble::Gap { expected, records }))
                        }
                        Ok(_) => Err(self.error(Trouble::WrongAnswer { step: STEP })),
                        Err(failure) => Err(self.error(Trouble::Refused { failure })),
                    };
                }
                // A second stream of the same journal, left over from a follow that was given up, may be ahead
                // or behind; whether anything is missing shows at the end.
                Some(FromAgent::Record { .. } | FromAgent::Reply { .. }) => {}
                None => return Ok(()),
            }
        }
    }

    /// Ends the agent: asked first, then made to.
    pub fn end(&mut self) {
        // Whether it hears this or not, the hold ends it.
        let _ = self.send(Question::Shutdown, "ending it");
        self.hold.end();
    }

    fn send(&mut self, question: Question, step: &'static str) -> Result<u64, RunnerError> {
        let id = self.next_id;
        self.next_id += 1;
        match self.out.send(&ToAgent { id, question }, TAKING_IN) {
            Ok(()) => Ok(id),
            Err(NotSent::Gone) => Err(self.died(step)),
            Err(NotSent::NotTaken) => Err(self.error(Trouble::Hung { step, waited: TAKING_IN })),
            Err(NotSent::NotWritable(what)) => Err(self.error(Trouble::Conversation { step, what })),
        }
    }

    fn receive(
        &mut self,
        within: Duration,
        give_up: &dyn Fn() -> bool,
        step: &'static str,
        whole_wait: Duration,
    ) -> Result<Option<FromAgent>, RunnerError> {
        wait(&self.incoming, within, give_up).map_err(|missed| match missed {
            Missed::Silence => self.error(Trouble::Hung { step, waited: whole_wait }),
            Missed::Gone => self.died(step),
            Missed::Broken(what) => {
                // A process that dies while it speaks leaves half a frame behind.
                let died = matches!(what, CodecError::CutFrame { .. }) && self.hold.how_it_ended().is_some();
                if died { self.died(step) } else { self.error(Trouble::Conversation { step, what }) }
            }
        })
    }

    fn died(&mut self, step: &'static str) -> RunnerError {
        let how = self.hold.how_it_ended();
        self.error(Trouble::Died { step, how, log: self.log.last_lines(LAST_WORDS) })
    }

    pub(crate) fn error(&self, what: Trouble) -> RunnerError {
        RunnerError::new(&self.device, what)
    }
}

fn step_of(question: &Question) -> &'static str {
    match question {
        Question::Hello(_) => "greeting it",
        Question::Status => "asking for its state",
        Question::Conditions => "asking for its conditions",
        Question::Render(_) => "having a prompt rendered",
        Question::Submit(_) => "handing over a job",
        Question::Follow { .. } => "following a job",
        Question::Cancel { .. } => "cancelling a job",
        Question::Forget { .. } => "clearing away a job",
        Question::Store(_) => "delivering a model",
        Question::Shutdown => "ending it",
    }
}

fn read_on_a_thread(mut from_agent: Box<dyn Read + Send>) -> Receiver<Result<FromAgent, CodecError>> {
    let (send, incoming) = channel();
    std::thread::spawn(move || {
        if let Err(error) = read_preamble(&mut from_agent) {
            // The host may have given up already.
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
    incoming
}

enum Missed {
    Silence,
    Gone,
    Broken(CodecError),
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
            Ok(Err(CodecError::Closed | CodecError::Io(_))) | Err(RecvTimeoutError::Disconnected) => {
                return Err(Missed::Gone);
            }
            Ok(Err(error)) => return Err(Missed::Broken(error)),
            Err(RecvTimeoutError::Timeout) if give_up() => return Ok(None),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Missed::Silence),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
