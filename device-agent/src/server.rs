//! One connection: greeting, questions and answers, followed journals.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dyno_protocol::codec::{CodecError, read_message, read_preamble, write_message, write_preamble};
use dyno_protocol::{Answer, Failure, FailureKind, FromAgent, JobId, Question, ToAgent};

use crate::agent::Agent;
use crate::journal::Waited;

/// Serves one host until it leaves. A host that breaks the protocol is left.
pub fn serve(
    agent: &Arc<Agent>,
    mut from_host: impl Read,
    to_host: impl Write + Send + 'static,
) -> Result<(), CodecError> {
    let to_host = Arc::new(Mutex::new(to_host));
    // Ours first: a host of another version must learn ours, whatever we think of its own.
    write_preamble(&mut *lock(&to_host))?;
    read_preamble(&mut from_host)?;
    let mut known = false;
    loop {
        let ToAgent { id, question } = match read_message(&mut from_host) {
            Ok(message) => message,
            Err(CodecError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Question::Hello(hello) = &question {
            known = agent.knows(&hello.secret);
        }
        if !known {
            let failure = Failure::new(FailureKind::Unauthorised, "the secret of this launch was not given")
                .with_next_step("let dyno start the agent itself");
            reply(&to_host, id, Err(failure))?;
            return Ok(());
        }
        if let Question::Follow { job, from_record } = question {
            follow(agent, &to_host, id, job, from_record)?;
            continue;
        }
        let bye = matches!(question, Question::Shutdown);
        let answer = answer(agent, question);
        let leaves = bye && answer.is_ok();
        reply(&to_host, id, answer)?;
        if leaves {
            return Ok(());
        }
    }
}

fn answer(agent: &Arc<Agent>, question: Question) -> Result<Answer, Failure> {
    match question {
        Question::Hello(_) => Ok(agent.welcome()),
        Question::Status => Ok(Answer::Status(agent.state())),
        Question::Conditions => Ok(Answer::Conditions(agent.conditions())),
        Question::Render(request) => agent.render(&request),
        Question::Submit(job) => agent.submit(job),
        Question::Cancel { job } => agent.cancel(&job),
        Question::Forget { job } => agent.forget(&job),
        Question::Store(question) => agent.store(question),
        Question::Follow { .. } => Err(Failure::new(FailureKind::Refused, "following is not a question")),
        Question::Shutdown => {
            agent.cancel_all();
            Ok(Answer::Bye)
        }
    }
}

/// Sends a journal on a thread of its own, so that the host can still ask and cancel.
fn follow<W: Write + Send + 'static>(
    agent: &Arc<Agent>,
    to_host: &Arc<Mutex<W>>,
    id: u64,
    job: JobId,
    from_record: u64,
) -> Result<(), CodecError> {
    let journal = match agent.journal(&job) {
        Ok(journal) => journal,
        Err(failure) => return reply(to_host, id, Err(failure)),
    };
    let to_host = Arc::clone(to_host);
    std::thread::spawn(move || {
        let mut number = from_record;
        loop {
            let sent = match journal.wait_for(number, Duration::from_hours(1)) {
                Waited::Record(record) => {
                    number += 1;
                    let message = FromAgent::Record { job: job.clone(), record: (*record).clone() };
                    write_message(&mut *lock(&to_host), &message)
                }
                Waited::NotYet => Ok(()),
                Waited::Ended => {
                    // A host that left is no trouble of the job's.
                    let _ = reply(&to_host, id, Ok(Answer::Followed { records: number }));
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn reply<W: Write>(to_host: &Mutex<W>, id: u64, answer: Result<Answer, Failure>) -> Result<(), CodecError> {
    write_message(&mut *lock(to_host), &FromAgent::Reply { id, answer })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
