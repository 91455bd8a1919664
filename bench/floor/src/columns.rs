//! The columns: rows of a user stand together, in the order of their times; texts are numbers of a list.

use std::fs;
use std::io::Error;
use std::ops::Range;
use std::path::Path;

/// All that the questions read.
#[derive(Default)]
pub(crate) struct Columns {
    /// Where the rows of each user begin, and the end of the last one's.
    pub first_row: Vec<u32>,
    /// Milliseconds since the data begins.
    pub time: Vec<i64>,
    pub event: Vec<u8>,
    pub platform: Vec<u8>,
    /// 0 where an event has none.
    pub source: Vec<u8>,
    /// 0 where an event has none.
    pub product: Vec<u32>,
    pub amount: Vec<f64>,
    pub city_of_user: Vec<u8>,
    pub vip_of_user: Vec<u8>,
    /// By the number of the product; that of 0 is no category.
    pub category_of_product: Vec<u8>,
    pub events: Vec<String>,
    pub platforms: Vec<String>,
    pub sources: Vec<String>,
    pub cities: Vec<String>,
    pub categories: Vec<String>,
    /// Milliseconds of 1970 at which the data begins.
    pub begin: i64,
}

/// No event, city or category has this number.
pub(crate) const NOBODY: u8 = 255;

impl Columns {
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let bytes = |name: &str| fs::read(folder.join(name));
        let names = |name: &str| Ok::<_, Error>(fs::read_to_string(folder.join(name))?.lines().map(str::to_owned).collect());
        Ok(Self {
            first_row: numbers(&bytes("first_row.u32")?, u32::from_le_bytes),
            time: numbers(&bytes("time.i64")?, i64::from_le_bytes),
            event: bytes("event.u8")?,
            platform: bytes("platform.u8")?,
            source: bytes("source.u8")?,
            product: numbers(&bytes("product.u32")?, u32::from_le_bytes),
            amount: numbers(&bytes("amount.f64")?, f64::from_le_bytes),
            city_of_user: bytes("city_of_user.u8")?,
            vip_of_user: bytes("vip_of_user.u8")?,
            category_of_product: bytes("category_of_product.u8")?,
            events: names("events.txt")?,
            platforms: names("platforms.txt")?,
            sources: names("sources.txt")?,
            cities: names("cities.txt")?,
            categories: names("categories.txt")?,
            begin: 1_735_689_600_000,
        })
    }

    pub(crate) fn users(&self) -> usize {
        self.first_row.len().saturating_sub(1)
    }

    /// The rows of a user.
    #[inline(always)]
    pub(crate) fn rows(&self, user: usize) -> Range<usize> {
        self.first_row[user] as usize..self.first_row[user + 1] as usize
    }

    pub(crate) fn code(&self, event: &str) -> u8 {
        place(&self.events, event)
    }
}

/// Where a name stands in a list.
pub(crate) fn place(names: &[String], name: &str) -> u8 {
    names.iter().position(|n| n == name).and_then(|p| u8::try_from(p).ok()).unwrap_or(NOBODY)
}

fn numbers<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|b| of(*b)).collect()
}
