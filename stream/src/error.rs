//! Why an import stops. A bad row does not: it is a [`Reject`](crate::Reject).

use std::path::PathBuf;

/// Why an import could not go on. What was appended before stays, and importing the same file again adds only what is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The path leads nowhere.
    #[error("there is no file `{}`", path.display())]
    NoSuchFile {
        /// As given.
        path: PathBuf,
    },
    /// The operating system refused, or the path is a directory.
    #[error("cannot read `{file}`: {reason}")]
    NotReadable {
        /// As given.
        file: String,
        /// In the system's words.
        reason: String,
        /// Its words in full.
        #[source]
        source: Option<std::io::Error>,
    },
    /// Neither the name nor the first bytes tell what it is.
    #[error("`{file}` is of an unknown format; say which with `--format parquet`, `--format csv` or `--format ndjson`")]
    UnknownFormat {
        /// As given.
        file: String,
    },
    /// The end or some of the content is missing, or was changed.
    #[error(
        "`{file}` is truncated or damaged: {reason}; rows appended before this point stay, import the whole file again once it is repaired"
    )]
    Damaged {
        /// As given.
        file: String,
        /// What was found.
        reason: String,
    },
    /// The file is well-formed, but holds something that we do not read.
    #[error("`{file}` cannot be read: {reason}")]
    Unsupported {
        /// As given.
        file: String,
        /// What it holds, and what to do.
        reason: String,
    },
    /// A stream that has to be held in memory is too long.
    #[error("`{file}` is longer than {limit} bytes, and Parquet from a stream is held in memory; save it to a file and import that")]
    TooLarge {
        /// As given.
        file: String,
        /// How many there can be.
        limit: u64,
    },
    /// TARGET is no entity and no event.
    #[error("no entity or event `{word}` is defined{}", suggestion(nearest))]
    UnknownTarget {
        /// As given.
        word: String,
        /// A defined name that looks like it.
        nearest: Option<String>,
    },
    /// TARGET is an event that is composed of others.
    #[error("`{word}` is a virtual event, which has no rows of its own; import into the events that it is made of, or into `events`")]
    VirtualTarget {
        /// As given.
        word: String,
    },
    /// Events need a time.
    #[error("`{file}` has no column `time`; its columns are {}; say which one holds the time with `--map {}=time`", listed(columns), guess.as_deref().unwrap_or("COLUMN"))]
    NoTimeColumn {
        /// As given.
        file: String,
        /// Those that it has.
        columns: Vec<String>,
        /// One that may hold times.
        guess: Option<String>,
    },
    /// Mixed events need a name each.
    #[error("`{file}` has no column `event`; its columns are {}; say which one names the event with `--map {}=event`, or import into one event by its name", listed(columns), guess.as_deref().unwrap_or("COLUMN"))]
    NoEventColumn {
        /// As given.
        file: String,
        /// Those that it has.
        columns: Vec<String>,
        /// One that may hold names of events.
        guess: Option<String>,
    },
    /// Entities need their key.
    #[error(
        "`{file}` has no column `{key}`, the key of entity `{entity}`; its columns are {}; say which one it is with `--map COLUMN={key}`",
        listed(columns)
    )]
    NoKeyColumn {
        /// As given.
        file: String,
        /// Which entity.
        entity: String,
        /// The key column without a source.
        key: String,
        /// Those that the file has.
        columns: Vec<String>,
    },
    /// An option names a column that the file does not have.
    #[error("`{file}` has no column `{column}`, which {option} names{}; its columns are {}", suggestion(nearest), listed(columns))]
    UnknownColumn {
        /// As given.
        file: String,
        /// `--map`, `--ignore`, `--id` or `--received`.
        option: &'static str,
        /// As given.
        column: String,
        /// One that looks like it.
        nearest: Option<String>,
        /// Those that the file has.
        columns: Vec<String>,
    },
    /// `--map` names something that the target lacks.
    #[error("`--map {column}={property}`: {owner} has no property `{property}`{}; `--define` would add it", suggestion(nearest))]
    UnknownProperty {
        /// As given.
        column: String,
        /// As given.
        property: String,
        /// The target.
        owner: String,
        /// One that looks like it.
        nearest: Option<String>,
    },
    /// Two columns feed one name.
    #[error("`{file}` has two columns for `{name}`; rename one, or choose with `--map`")]
    DuplicateColumn {
        /// As given.
        file: String,
        /// The name that both have.
        name: String,
    },
    /// `--define` cannot tell who takes part.
    #[error(
        "event `{event}` cannot be defined by itself: none of its columns {} is the key of a known entity; define the entities first, or write the DEFINE EVENT",
        listed(columns)
    )]
    NoParticipants {
        /// Its name.
        event: String,
        /// Columns with values.
        columns: Vec<String>,
    },
    /// There is no room for another type or property.
    #[error("{what} cannot be defined: {reason}")]
    NotDefinable {
        /// ``property `x` `` or ``event `x` ``.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The store could not do it.
    #[error("the rows cannot be appended: {0}")]
    Store(#[from] eql_store::StoreError),
    /// Arrow refused: a defect of ours.
    #[error("columns cannot be processed: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!("; the nearest is `{n}`")).unwrap_or_default()
}

/// At most thirty names: a file may have thousands of columns.
fn listed(columns: &[String]) -> String {
    let shown: Vec<String> = columns.iter().take(30).map(|c| format!("`{c}`")).collect();
    match columns.len().saturating_sub(30) {
        0 if shown.is_empty() => "none".to_string(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The candidate that the user most probably meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = word.to_lowercase();
    let room = (word.chars().count() / 3).max(1);
    let far = |c: &str| if c.to_lowercase() == lower { 0 } else { strsim::damerau_levenshtein(&lower, &c.to_lowercase()) };
    candidates.into_iter().map(|c| (far(c), c)).filter(|(d, _)| *d <= room).min().map(|(_, c)| c.to_string())
}
