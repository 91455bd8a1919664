//! Candidates on their way to the answer: held against what was typed, ranked, cut.

use super::item::{Completion, Item, Kind, Replace};
use eql_grammar::{Expectation, quote};
use std::collections::{BTreeSet, HashSet};

/// More than these nobody reads.
const ITEMS_MAX: usize = 200;
/// So many candidates are kept before all but the best are let go: of ten thousand names most are never copied.
const KEPT_MAX: usize = 5 * ITEMS_MAX;

/// How well a candidate fits the place: the earlier, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// What the place is for: an event where an event is wanted.
    Wanted,
    /// What cannot be left out.
    Needed,
    /// What is legal here.
    Legal,
    /// Functions, and names that only begin something.
    Possible,
    /// What is legal nearly everywhere.
    General,
    /// Known, but not known to fit.
    Known,
}

/// How the candidate is like what was typed: the earlier, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Begins,
    BeginsInOtherCase,
    WordBegins,
    Contains,
}

/// A candidate with its rank: likeness, fit, whether it is older than the text, its place among its like.
type Found = (Likeness, Fit, bool, usize, Item);

/// What candidates are sorted by.
type Rank = (Likeness, Fit, bool, usize, String);

/// What is collected.
pub(super) struct Offer<'t> {
    typed: &'t str,
    folded: String,
    lower: bool,
    quoted: bool,
    replace: Replace,
    own: BTreeSet<String>,
    found: Vec<Found>,
    seen: HashSet<(String, Kind)>,
    /// The rank of the last of the best; what comes behind it is not given.
    last: Option<Rank>,
}

impl<'t> Offer<'t> {
    pub(super) fn new(expected: &'t Expectation, text: &str, own: BTreeSet<String>) -> Self {
        let typed = expected.typed.as_str();
        let letters = typed.chars().any(char::is_alphabetic);
        Self {
            typed,
            folded: typed.to_lowercase(),
            lower: letters && !typed.chars().any(char::is_uppercase),
            quoted: text.get(expected.word.start..).is_some_and(|rest| rest.starts_with(['`', '"'])),
            replace: Replace { start: expected.word.start, end: expected.word.end },
            own,
            found: Vec::new(),
            seen: HashSet::new(),
            last: None,
        }
    }

    /// True if the name may be among the best.
    pub(super) fn fits(&self, fit: Fit, name: &str) -> bool {
        let Some(likeness) = self.likeness(name) else { return false };
        let Some(last) = &self.last else { return true };
        (likeness, fit, !self.own.contains(name), 0, letters(name)) <= *last
    }

    /// True if no word stands under the cursor.
    pub(super) fn between_words(&self) -> bool {
        self.replace.start == self.replace.end
    }

    /// True if something was typed.
    pub(super) fn typed_some(&self) -> bool {
        !self.typed.is_empty()
    }

    fn likeness(&self, label: &str) -> Option<Likeness> {
        if label.starts_with(self.typed) {
            return Some(Likeness::Begins);
        }
        let folded = label.to_lowercase();
        let at = folded.find(&self.folded)?;
        let before = folded.get(..at)?.chars().next_back();
        Some(match before {
            Some('$') if at == 1 => Likeness::Begins,
            None => Likeness::BeginsInOtherCase,
            Some(c) if !c.is_alphanumeric() => Likeness::WordBegins,
            Some(_) => Likeness::Contains,
        })
    }

    /// A word of the language. Words of clauses and operators are found by their beginnings only.
    pub(super) fn word(&mut self, fit: Fit, place: usize, kind: Kind, label: &str, detail: &str, documentation: &str) {
        if self.quoted {
            return;
        }
        let insert = if self.lower { label.to_lowercase() } else { label.to_owned() };
        let documentation = Some(documentation.to_owned()).filter(|d| !d.is_empty());
        self.add(
            fit,
            place,
            Item { label: label.to_owned(), kind, detail: detail.to_owned(), insert, documentation, replace: self.replace },
        );
    }

    /// A name, quoted where it must be.
    pub(super) fn name(
        &mut self,
        fit: Fit,
        place: usize,
        kind: Kind,
        name: &str,
        detail: impl FnOnce() -> String,
        documentation: Option<&str>,
    ) {
        if !self.fits(fit, name) {
            return;
        }
        let documentation = documentation.map(str::to_owned);
        // How it is written is found out at the end, for those that are given.
        let insert = String::new();
        self.add(fit, place, Item { label: name.to_owned(), kind, detail: detail(), insert, documentation, replace: self.replace });
    }

    /// A word that is written as it stands: a function, a value.
    pub(super) fn exact(&mut self, fit: Fit, kind: Kind, label: &str, insert: &str, detail: &str, documentation: &str) {
        if self.quoted {
            return;
        }
        let documentation = Some(documentation.to_owned()).filter(|d| !d.is_empty());
        let (label, detail, insert) = (label.to_owned(), detail.to_owned(), insert.to_owned());
        self.add(fit, 0, Item { label, kind, detail, insert, documentation, replace: self.replace });
    }

    fn add(&mut self, fit: Fit, place: usize, item: Item) {
        let Some(mut likeness) = self.likeness(&item.label) else { return };
        // Case is the writer's in words of the language, and means something in names.
        let word = matches!(item.kind, Kind::Keyword | Kind::Clause | Kind::Function | Kind::Value | Kind::Unit | Kind::Type);
        if word && likeness == Likeness::BeginsInOtherCase {
            likeness = Likeness::Begins;
        }
        let older = !self.own.contains(&item.label);
        // A qualifier of DID may be a clause of the head too.
        let kind = if item.kind == Kind::Clause { Kind::Keyword } else { item.kind };
        if self.seen.insert((item.label.clone(), kind)) {
            self.found.push((likeness, fit, older, place, item));
            if self.found.len() > KEPT_MAX {
                self.keep_best();
            }
        }
    }

    fn keep_best(&mut self) {
        self.found.sort_by_cached_key(rank);
        self.found.truncate(ITEMS_MAX);
        self.last = self.found.last().map(rank);
    }

    /// The likeliest, in order.
    pub(super) fn finish(mut self) -> Completion {
        let incomplete = self.last.is_some() || self.found.len() > ITEMS_MAX;
        self.keep_best();
        let quoted = self.quoted;
        let items = self.found.into_iter().map(|found| written(found.4, quoted)).collect();
        Completion { items, incomplete }
    }
}

/// A name as it is written: quoted where it must be, or where a quote was typed.
fn written(item: Item, quoted: bool) -> Item {
    if !item.insert.is_empty() {
        return item;
    }
    let insert = if quoted { format!("`{}`", item.label.replace('`', "``")) } else { quote(&item.label) };
    Item { insert, ..item }
}

/// What begins as typed before what only contains it, what fits the place before what is only known, what the text itself defines before
/// what it finds.
fn rank((likeness, fit, older, place, item): &Found) -> Rank {
    (*likeness, *fit, *older, *place, letters(&item.label))
}

fn letters(label: &str) -> String {
    label.trim_start_matches('$').to_lowercase()
}
