//! Documents: small definitions that others keep in the log because they must be as durable as it is, such as webhooks and named
//! subscriptions. The store knows their kind and name, and reads none of them.

use crate::limit::{DOCUMENT_BYTES_MAX, DOCUMENTS_MAX};
use crate::log::Record;
use crate::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A document is written, or goes. Its JSON is a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentChange {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// None: it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

/// All documents, by kind and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents {
    all: Arc<BTreeMap<(String, String), Arc<str>>>,
    /// The last position that changed them.
    pub(crate) position: u64,
}

impl Documents {
    pub(crate) fn of(all: Vec<DocumentChange>, position: u64) -> Documents {
        let all = all.into_iter().filter_map(|d| Some(((d.kind, d.name), d.text?.into())));
        Documents { all: Arc::new(all.collect()), position }
    }

    pub(crate) fn change(&mut self, change: DocumentChange, position: u64) {
        let all = Arc::make_mut(&mut self.all);
        let key = (change.kind, change.name);
        match change.text {
            Some(text) => drop(all.insert(key, text.into())),
            None => drop(all.remove(&key)),
        }
        self.position = position;
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = DocumentChange> + '_ {
        let whole = |((kind, name), text): (&(String, String), &Arc<str>)| DocumentChange {
            kind: kind.clone(),
            name: name.clone(),
            text: Some(text.to_string()),
        };
        self.all.iter().map(whole)
    }

    fn of_kind(&self, kind: &str) -> Vec<(String, Arc<str>)> {
        let from = (kind.to_string(), String::new());
        let some = self.all.range(from..).take_while(|((k, _), _)| k == kind);
        some.map(|((_, name), text)| (name.clone(), text.clone())).collect()
    }

    fn get(&self, kind: &str, name: &str) -> Option<Arc<str>> {
        self.all.get(&(kind.to_string(), name.to_string())).cloned()
    }
}

impl Store {
    /// Keeps a document; one of that kind and name is replaced. Durable when this returns. The position of the log.
    ///
    /// # Errors
    /// It is too long, there are too many, or the log cannot be written.
    pub fn keep_document(&self, kind: &str, name: &str, text: &str) -> Result<u64, StoreError> {
        let documents = self.core.state.lock().documents.clone();
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(StoreError::Full { what: format!("the {kind} `{name}` is too long"), limit: DOCUMENT_BYTES_MAX as u64 });
        }
        if documents.all.len() >= DOCUMENTS_MAX && documents.get(kind, name).is_none() {
            return Err(StoreError::Full {
                what: format!("there are too many of what is like the {kind} `{name}`"),
                limit: DOCUMENTS_MAX as u64,
            });
        }
        self.change_document(kind, name, Some(text.to_string()))
    }

    /// Forgets a document; whether there was one.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn discard_document(&self, kind: &str, name: &str) -> Result<bool, StoreError> {
        if self.document(kind, name).is_none() {
            return Ok(false);
        }
        self.change_document(kind, name, None).map(|_| true)
    }

    fn change_document(&self, kind: &str, name: &str, text: Option<String>) -> Result<u64, StoreError> {
        let change = DocumentChange { kind: kind.to_string(), name: name.to_string(), text };
        Ok(self.write(0, |_| Ok(Record::Document(change)))?.position)
    }

    /// A document; None when there is none of that kind and name.
    pub fn document(&self, kind: &str, name: &str) -> Option<Arc<str>> {
        self.core.state.lock().documents.get(kind, name)
    }

    /// The documents of a kind, by name.
    pub fn documents(&self, kind: &str) -> Vec<(String, Arc<str>)> {
        let documents = self.core.state.lock().documents.clone();
        documents.of_kind(kind)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Store, StoreOptions};

    #[test]
    fn documents_survive_a_crash_a_checkpoint_and_both() {
        let dir = tempfile::tempdir().unwrap();
        let shown = |store: &Store| {
            let all = store.documents("webhook").into_iter().chain(store.documents("webhooks"));
            all.map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>()
        };
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        store.keep_document("webhook", "b", "old").unwrap();
        store.keep_document("webhook", "a", "1").unwrap();
        store.keep_document("webhooks", "a", "other kind").unwrap();
        store.keep_document("webhook", "b", "new").unwrap();
        assert!(store.keep_document("webhook", "long", &"x".repeat(1 << 20)).is_err());
        drop(store);
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        assert_eq!(shown(&store), ["a=1", "b=new", "a=other kind"], "from the log");
        store.checkpoint().unwrap();
        assert!(store.discard_document("webhook", "a").unwrap() && !store.discard_document("webhook", "a").unwrap());
        drop(store);
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        assert_eq!(shown(&store), ["b=new", "a=other kind"], "from a checkpoint and the log after it");
        store.close().unwrap();
        drop(store);
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        assert_eq!(shown(&store), ["b=new", "a=other kind"], "from a checkpoint");
        assert_eq!(store.document("webhook", "b").as_deref(), Some("new"));
    }
}
