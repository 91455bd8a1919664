//! Names from elsewhere: a data directory or a server.

use crate::failure::Failure;
use crate::place::{Absent, Here, PlaceArgs, There, data_dir};
use crate::wait::Waiter;
use eql_engine::catalog::Catalog;

/// Where names come from, besides the open files.
#[derive(Clone)]
pub(super) struct Names {
    place: Option<PlaceArgs>,
    waiter: Waiter,
}

impl Names {
    pub(super) fn new(place: Option<PlaceArgs>, waiter: Waiter) -> Self {
        Self { place, waiter }
    }

    /// True if they may have changed since they were read, and reading them disturbs nobody.
    pub(super) fn cheap(&self) -> bool {
        self.place.as_ref().is_some_and(|p| p.url.is_some())
    }

    /// Reads them; None if there is no place. A data directory is closed again at once, as others want it too.
    pub(super) fn read(&self) -> Result<Option<Catalog>, String> {
        let Some(place) = &self.place else { return Ok(None) };
        let read = match &place.url {
            Some(url) => There::new(url, place, self.waiter.clone()).and_then(|there| there.catalog()),
            None => data_dir(place).and_then(|dir| Ok(Here::open(&dir, Absent::Refuse, self.waiter.clone())?.catalog())),
        };
        read.map(Some).map_err(|failure| match failure {
            Failure::Failed(words) | Failure::Usage(words) => words,
            _ => "asking for the others failed".to_owned(),
        })
    }
}
