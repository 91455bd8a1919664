//! The interactive shell: read until `;`, run, show, again.

mod assist;
mod catalog;
mod command;
mod lexis;

pub(crate) use lexis::quoted;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::place::Place;
use crate::wait::Waiter;
use crate::{defect, out, report, text};
use assist::Assist;
use command::Command;
use eql_engine::Params;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// More than this nobody scrolls back to.
const HISTORY_MAX: usize = 10_000;

/// A session with a user.
pub(crate) struct Shell {
    place: Place,
    format: Format,
    timing: bool,
}

/// What to do after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Go,
    Quit,
}

/// True when a person types.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Reads and runs until the end of input. Piped input is run the same way, and fails when a statement of it fails.
pub(crate) fn run(place: Place, history: Option<PathBuf>, waiter: &Waiter) -> Result<(), Failure> {
    let mut shell = Shell { place, format: Format::Table, timing: is_interactive() };
    if is_interactive() { interactive(&mut shell, history, waiter) } else { piped(&mut shell) }
}

fn interactive(shell: &mut Shell, history: Option<PathBuf>, waiter: &Waiter) -> Result<(), Failure> {
    let broken = |e: ReadlineError| Failure::of("the terminal broke down", &e);
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY_MAX).map_err(broken)?;
    let config = config.history_ignore_dups(true).map_err(broken)?.build();
    let mut editor: Editor<Assist, FileHistory> = Editor::with_config(config).map_err(broken)?;
    waiter.listen();
    editor.set_helper(Some(Assist::new(shell.place.catalog())));
    if let Some(file) = &history {
        let _ = editor.load_history(file); // the first time there is none
    }
    loop {
        match editor.readline("eql> ") {
            Ok(input) if input.trim().is_empty() => {}
            Ok(input) => {
                let _ = editor.add_history_entry(input.trim());
                if let Some(file) = &history {
                    let _ = editor.append_history(file); // a history that cannot be kept stops nobody
                }
                if shell.take_or_say(&input) == Next::Quit {
                    return Ok(());
                }
                if let Some(assist) = editor.helper_mut().filter(|_| lexis::may_define(&input)) {
                    assist.learn(shell.place.catalog());
                }
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
    }
}

fn piped(shell: &mut Shell) -> Result<(), Failure> {
    let mut input = String::new();
    for line in std::io::stdin().lock().lines() {
        input.push_str(&line.map_err(|e| Failure::of("cannot read stdin", &e))?);
        input.push('\n');
        if lexis::is_complete(&input) && shell.take(&std::mem::take(&mut input))? == Next::Quit {
            return Ok(());
        }
    }
    shell.take(&input).map(drop)
}

impl Shell {
    /// Runs what was typed; a failure is said and the shell goes on.
    fn take_or_say(&mut self, input: &str) -> Next {
        defect::caught(|| self.take(input)).unwrap_or_else(|failure| {
            failure.say();
            Next::Go
        })
    }

    /// Runs a command, or statements.
    fn take(&mut self, input: &str) -> Result<Next, Failure> {
        let input = input.trim();
        if !input.starts_with('\\') {
            return self.statements(input).map(|()| Next::Go);
        }
        match Command::parse(input).map_err(Failure::Failed)? {
            Command::Help => out::line(command::HELP)?,
            Command::Quit => return Ok(Next::Quit),
            Command::Timing => {
                self.timing = !self.timing;
                out::line(if self.timing { "timing is on" } else { "timing is off" })?;
            }
            Command::Format(format) => self.format = format,
            Command::Describe(None) => self.overview()?,
            Command::Describe(Some(name)) => self.describe(&name)?,
        }
        Ok(Next::Go)
    }

    fn statements(&mut self, input: &str) -> Result<(), Failure> {
        let statements = text::statements(input)?;
        let shared: Arc<str> = input.into();
        for statement in &statements {
            let started = Instant::now();
            let answer = self.place.run(&shared, statement, &Params::new())?;
            let warnings = answer.warnings();
            self.show(answer)?;
            report::diagnostics(&warnings.told(), &shared);
            if self.timing {
                out::note(&format!("{} ms", started.elapsed().as_millis()));
            }
        }
        Ok(())
    }

    fn show(&self, answer: Answer) -> Result<(), Failure> {
        let mut output = Output::open(self.format, None)?;
        output.answer(answer)?;
        output.finish()
    }

    /// Everything that has a name.
    fn overview(&mut self) -> Result<(), Failure> {
        match catalog::overview(&mut self.place)? {
            Some(table) => self.show(Answer::Rows(table)),
            None => out::line("nothing is defined yet: DEFINE ENTITY …, or `eql import NAME FILE --define`"),
        }
    }

    /// One thing that has a name.
    fn describe(&mut self, name: &str) -> Result<(), Failure> {
        let (answer, definition) = catalog::describe(&mut self.place, name)?;
        self.show(answer)?;
        match definition.filter(|_| self.format == Format::Table) {
            Some(text) => out::line(&text),
            None => Ok(()),
        }
    }
}
