//! Writing with a deadline. A pipe to a process that has stopped reading fills up and then blocks its writer for
//! ever, so the writing is done by a thread that may be left behind.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use dyno_protocol::ToAgent;
use dyno_protocol::codec::{CodecError, write_message, write_preamble};

pub(crate) struct Outgoing {
    frames: Sender<Vec<u8>>,
    written: Receiver<bool>,
    /// A frame is still on its way: until it is through, nothing else can be sent.
    stuck: bool,
}

pub(crate) enum NotSent {
    Gone,
    /// The other side takes nothing in.
    NotTaken,
    /// The message itself cannot be a frame.
    NotWritable(CodecError),
}

impl Outgoing {
    /// Begins with the preamble.
    pub(crate) fn over(mut to_agent: Box<dyn Write + Send>) -> Self {
        let (frames, to_write) = channel::<Vec<u8>>();
        let (done, written) = channel();
        std::thread::spawn(move || {
            if write_preamble(&mut to_agent).is_err() {
                return;
            }
            for frame in to_write {
                let through = to_agent.write_all(&frame).and_then(|()| to_agent.flush()).is_ok();
                if done.send(through).is_err() || !through {
                    return;
                }
            }
        });
        Self { frames, written, stuck: false }
    }

    pub(crate) fn send(&mut self, message: &ToAgent, within: Duration) -> Result<(), NotSent> {
        let mut frame = Vec::new();
        write_message(&mut frame, message).map_err(NotSent::NotWritable)?;
        if self.stuck {
            return Err(NotSent::NotTaken);
        }
        self.frames.send(frame).map_err(|_| NotSent::Gone)?;
        match self.written.recv_timeout(within) {
            Ok(true) => Ok(()),
            Ok(false) | Err(RecvTimeoutError::Disconnected) => Err(NotSent::Gone),
            Err(RecvTimeoutError::Timeout) => {
                self.stuck = true;
                Err(NotSent::NotTaken)
            }
        }
    }
}
