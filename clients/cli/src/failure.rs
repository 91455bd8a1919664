//! Why a verb did not do what was asked, and the exit status that says so.

use crate::out;
use std::error::Error;
use std::io;
use std::process::ExitCode;

/// Why a verb stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments cannot be used: exit status 2.
    Usage(String),
    /// The request failed: exit status 1.
    Failed(String),
    /// The request failed, and everything about it has been said.
    Told,
    /// Ctrl-C.
    Interrupted,
    /// Whoever read our output has had enough, as `head` does; that is no error.
    ReaderGone,
}

impl Failure {
    /// A failure of something outside, with all its causes.
    pub(crate) fn of(what: &str, cause: &dyn Error) -> Self {
        Failure::Failed(format!("{what}: {}", chain(cause)))
    }

    /// A failure to write; somewhere among its causes may be a reader that is gone.
    pub(crate) fn of_writing(what: &str, error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(e) = cause {
            if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                return Failure::ReaderGone;
            }
            cause = e.source();
        }
        Failure::of(what, error)
    }

    /// Says it on stderr and names the exit status.
    pub(crate) fn tell(&self) -> ExitCode {
        self.say();
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::ReaderGone => ExitCode::SUCCESS,
            _ => ExitCode::from(1),
        }
    }

    /// Says it on stderr.
    pub(crate) fn say(&self) {
        match self {
            Failure::Usage(words) => out::error(&format!("{words}\n\nFor more information, try '--help'.")),
            Failure::Failed(words) => out::error(words),
            Failure::Interrupted => out::note("stopped"),
            Failure::Told | Failure::ReaderGone => {}
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::Failed(format!("cannot write the output: {error}")),
        }
    }
}

/// The message of an error followed by what caused it; a cause that the message already quotes is left out.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        let said = c.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        cause = c.source();
    }
    words
}
