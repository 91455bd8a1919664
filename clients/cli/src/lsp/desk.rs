//! The open files, and what their names mean.

use eql_editor::{Against, Checked, check};
use eql_engine::catalog::Catalog;
use eql_engine::grammar::Diagnostic;
use std::collections::BTreeMap;

/// Bytes of the other open files whose definitions count. More would be read again at every letter typed.
const OTHERS_BYTES_MAX: usize = 256 << 10;

/// Open files by address, and the names from elsewhere.
#[derive(Default)]
pub(super) struct Desk {
    elsewhere: Option<Catalog>,
    open: BTreeMap<String, String>,
}

impl Desk {
    /// The names from elsewhere; None if there are none, and a name that is defined in no open file is a warning only.
    pub(super) fn know(&mut self, names: Option<Catalog>) {
        self.elsewhere = names;
    }

    pub(super) fn put(&mut self, file: &str, text: String) {
        self.open.insert(file.to_owned(), text);
    }

    pub(super) fn close(&mut self, file: &str) {
        self.open.remove(file);
    }

    pub(super) fn text(&self, file: &str) -> Option<&str> {
        self.open.get(file).map(String::as_str)
    }

    /// The addresses of the open files.
    pub(super) fn files(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    /// The open texts, and the place of `file` among them.
    pub(super) fn texts(&self, file: &str) -> Option<(Vec<&str>, usize)> {
        let at = self.open.keys().position(|name| name == file)?;
        Some((self.open.values().map(String::as_str).collect(), at))
    }

    /// What the text of `file` is held against: the names from elsewhere and those of the other files.
    fn against(&self, file: &str) -> Against {
        let lenient = self.elsewhere.is_none();
        let mut against = Against { catalog: self.elsewhere.clone().unwrap_or_default(), lenient, ..Against::default() };
        let mut bytes = 0;
        for text in self.open.iter().filter(|(name, text)| *name != file && defines(text)).map(|(_, text)| text) {
            bytes += text.len();
            if bytes > OTHERS_BYTES_MAX {
                break;
            }
            against.catalog = check(text, Against { lenient: true, ..against.clone() }).catalog;
        }
        against
    }

    /// The names that count at the places of `file`, without its own.
    pub(super) fn names_before(&self, file: &str) -> Catalog {
        self.against(file).catalog
    }

    /// All names, those of `file` too.
    pub(super) fn names(&self, file: &str) -> Catalog {
        self.checked(file).catalog
    }

    /// Everything wrong with a file.
    pub(super) fn diagnostics(&self, file: &str) -> Vec<Diagnostic> {
        self.checked(file).diagnostics
    }

    fn checked(&self, file: &str) -> Checked {
        check(self.text(file).unwrap_or_default(), self.against(file))
    }
}

/// True if the text may give names.
pub(super) fn defines(text: &str) -> bool {
    text.as_bytes().windows(6).any(|w| w.eq_ignore_ascii_case(b"DEFINE"))
}
