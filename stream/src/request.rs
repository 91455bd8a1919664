//! What is asked for, and what is answered.

use crate::error::nearest;
use crate::{ImportError, TimeFormat};
use eql_catalog::Catalog;
use std::io::Read;
use std::path::PathBuf;

/// What the rows become. With `define`, a name that is not defined yet is created from the columns: [`Target::Entity`] as an entity,
/// [`Target::Event`] as an event, or as an entity when the file has no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Events of several types: the system column `event` names each row's.
    Events,
    /// Events of one type.
    Event(String),
    /// Entities of one type.
    Entity(String),
}

impl Target {
    /// The target that a word names: `events`, an entity or an event.
    ///
    /// # Errors
    /// Nothing of that name can be imported into.
    pub fn parse(catalog: &Catalog, word: &str) -> Result<Target, ImportError> {
        match word {
            "events" => Ok(Target::Events),
            w if catalog.entity(w).is_some() => Ok(Target::Entity(w.to_string())),
            w if catalog.event(w).is_some() => Ok(Target::Event(w.to_string())),
            w if catalog.virtual_event(w).is_some() => Err(ImportError::VirtualTarget { word: w.to_string() }),
            w => Err(ImportError::UnknownTarget { word: w.to_string(), nearest: nearest(w, names(catalog)) }),
        }
    }

    /// The same for an import that may define: an unknown word is a new event, or a new entity when the file has no time.
    ///
    /// # Errors
    /// A virtual event.
    pub fn parse_or_define(catalog: &Catalog, word: &str) -> Result<Target, ImportError> {
        match Target::parse(catalog, word) {
            Err(ImportError::UnknownTarget { word, .. }) => Ok(Target::Event(word)),
            other => other,
        }
    }
}

fn names(catalog: &Catalog) -> impl Iterator<Item = &str> {
    let entities = catalog.entities().map(|e| e.name.as_str());
    entities.chain(catalog.events().map(|e| e.name.as_str())).chain(["events"])
}

/// Where rows come from.
pub enum Input {
    /// A file; `-` is standard input.
    File(PathBuf),
    /// Standard input, an upload.
    Reader {
        /// How messages call it; an extension tells the format.
        name: String,
        /// Its bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl Input {
    /// How messages call it.
    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Reader { name, .. } => name.clone(),
        }
    }
}

/// How rows are written down. Compression is recognised by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Text with a header row; comma, or tab in `.tsv`.
    Csv,
    /// One JSON object a line, or one array of them.
    Ndjson,
}

/// The byte that a text names as what stands between fields: the character itself, or `tab`. None when it is no single ASCII character, or one
/// that means something else in CSV.
pub fn delimiter(text: &str) -> Option<u8> {
    match text {
        "tab" | "\\t" => Some(b'\t'),
        _ => <[u8; 1]>::try_from(text.as_bytes()).ok().map(|[b]| b).filter(|b| b.is_ascii() && !matches!(b, b'"' | b'\n' | b'\r')),
    }
}

/// When events count as received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Received {
    /// In the column `received_at` where there is one, else at their own time.
    #[default]
    EventTime,
    /// When the import began.
    Now,
    /// As the column says; at their own time where it is NULL.
    Column(String),
}

/// An import.
#[derive(Debug)]
pub struct ImportRequest {
    /// What the rows become.
    pub target: Target,
    /// Read one after the other.
    pub inputs: Vec<Input>,
    /// None: by name, else by the first bytes.
    pub format: Option<Format>,
    /// Column → property, key, or system column (`time`, `event`, `event_id`, `received_at`). A column may feed several.
    pub map: Vec<(String, String)>,
    /// Columns that are passed over.
    pub ignore: Vec<String>,
    /// Columns that make the event id.
    pub id: Vec<String>,
    /// When events count as received.
    pub received: Received,
    /// Of dates and of times without a zone.
    pub time_zone: chrono_tz::Tz,
    /// How times are written, besides the ways that are always read; tried first, in this order.
    pub time_formats: Vec<TimeFormat>,
    /// What stands between the fields of CSV; None: a comma, a tab in `.tsv`, else what the header shows.
    pub delimiter: Option<u8>,
    /// Texts of CSV that say that a value is missing, besides the empty field.
    pub nulls: Vec<String>,
    /// Values of undeclared columns reject their row.
    pub strict: bool,
    /// Undeclared columns are declared.
    pub define: bool,
    /// NULL keeps the value of an entity's property instead of clearing it.
    pub keep_null: bool,
}

impl ImportRequest {
    /// An import with every option at its default.
    pub fn new(target: Target, inputs: Vec<Input>) -> ImportRequest {
        ImportRequest {
            target,
            inputs,
            format: None,
            map: Vec::new(),
            ignore: Vec::new(),
            id: Vec::new(),
            received: Received::EventTime,
            time_zone: chrono_tz::UTC,
            time_formats: Vec::new(),
            delimiter: None,
            nulls: Vec::new(),
            strict: false,
            define: false,
            keep_null: false,
        }
    }
}

/// How far an import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which input.
    pub file: String,
    /// Its rows that are appended or rejected.
    pub rows: u64,
    /// Its bytes that are read, as stored.
    pub bytes_done: u64,
    /// None for a stream.
    pub bytes_total: Option<u64>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Which input.
    pub file: String,
    /// Data rows count from 1.
    pub row: u64,
    /// Where in the row.
    pub column: Option<String>,
    /// What is wrong; for text files also the line.
    pub message: String,
}

/// What became of an import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    /// Rows read.
    pub rows: u64,
    /// Rows that were new.
    pub accepted: u64,
    /// Rows that were known already.
    pub duplicates: u64,
    /// Rows that were not taken.
    pub rejected: u64,
    /// The first hundred of them.
    pub rejects: Vec<Reject>,
    /// Log position that holds everything imported.
    pub position: u64,
    /// Texts of the DEFINE statements that were made.
    pub defined: Vec<String>,
    /// What a careful user should know.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}
