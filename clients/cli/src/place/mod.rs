//! Where statements run: in a data directory that this process opens, or on a server.

mod heard;
mod here;
mod there;
mod trust;

pub(crate) use here::Here;
pub(crate) use there::There;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::wait::Waiter;
use eql_engine::Params;
use eql_engine::catalog::Catalog;
use eql_engine::grammar::ast::Statement;
use std::path::PathBuf;
use std::sync::Arc;

/// The arguments that say where.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// The data directory [default: $EQL_DATA or ./eql-data]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    pub(crate) data: Option<PathBuf>,
    /// Ask a server instead, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The token the server wants
    #[arg(long, value_name = "TOKEN", env = "EQL_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Certificates to trust at an https address, PEM [default: the system's]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The project
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) project: String,
}

/// What to do about a data directory that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Create it.
    Create,
    /// Say so.
    Refuse,
}

/// Where statements run. Settings hold from one statement to the next.
pub(crate) enum Place {
    /// A data directory in this process.
    Here(Here),
    /// A server.
    There(Box<There>),
}

impl Place {
    /// Opens the place that the arguments name.
    pub(crate) fn open(arguments: &PlaceArgs, absent: Absent, waiter: Waiter) -> Result<Self, Failure> {
        match &arguments.url {
            Some(url) => Ok(Place::There(Box::new(There::new(url, arguments, waiter)?))),
            None => Ok(Place::Here(Here::open(&data_dir(arguments)?, absent, waiter)?)),
        }
    }

    /// Runs one statement of a text. What is wrong has been said when this returns [`Failure::Told`].
    pub(crate) fn run(&mut self, text: &Arc<str>, statement: &Statement, params: &Params) -> Result<Answer, Failure> {
        match self {
            Place::Here(here) => here.run(text, statement, params),
            Place::There(there) => there.run(text, statement, params),
        }
    }

    /// Runs a text that the session's dialect reads as SQL; None when it does not.
    pub(crate) fn run_sql(&mut self, text: &Arc<str>, params: &Params) -> Result<Option<Answer>, Failure> {
        match self {
            Place::Here(here) => here.run_sql(text, params),
            Place::There(there) => there.run_sql(text, params),
        }
    }

    /// Runs the statements of a text that we wrote ourselves, one by one, and returns the last answer.
    pub(crate) fn run_text(&mut self, text: &str) -> Result<Answer, Failure> {
        let statements = crate::text::statements(text)?;
        let text: Arc<str> = text.into();
        let mut answer = Answer::Done(String::new());
        for statement in &statements {
            answer = self.run(&text, statement, &Params::new())?;
        }
        Ok(answer)
    }

    /// What has a name; nothing when a server cannot be asked, as completion is a comfort only.
    pub(crate) fn catalog(&self) -> Catalog {
        match self {
            Place::Here(here) => here.catalog(),
            Place::There(there) => there.catalog().unwrap_or_default(),
        }
    }
}

/// The data directory that the arguments name.
pub(crate) fn data_dir(arguments: &PlaceArgs) -> Result<PathBuf, Failure> {
    if arguments.project != "default" {
        return Err(Failure::Usage(format!("no project `{}`: this version has one, `default`", arguments.project)));
    }
    Ok(arguments.data.clone().unwrap_or_else(default_dir))
}

/// `$EQL_DATA`, else `./eql-data`.
pub(crate) fn default_dir() -> PathBuf {
    std::env::var_os("EQL_DATA").filter(|v| !v.is_empty()).map_or_else(|| PathBuf::from("eql-data"), PathBuf::from)
}
