//! The columns that an entity type can have, and what they are called in the manifest.

use crate::Kept;
use eql_catalog::PropertyId;
use xxhash_rust::xxh3::xxh3_64;

/// Which column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Key(usize),
    Property(PropertyId),
    /// From when the current value of a property with `HISTORY` holds.
    Since(PropertyId),
    /// The time of the `set_once` that gave the current value.
    Once(PropertyId),
    /// The time of the record that told the current value: what decides between values of merged entities.
    Told(PropertyId),
    /// True: the value grew by `increment`.
    Counted(PropertyId),
    Extra,
    /// Time of first knowledge, or one of two markers.
    Known,
    Deleted,
    Tag(String),
    /// What a segment or a tag was at a time (µs).
    Version(Kept, i64),
    /// Not a column of one value each: all values with their times.
    History(PropertyId),
}

impl Place {
    /// A promise of the manifest.
    pub(crate) fn name(&self) -> String {
        match self {
            Place::Key(i) => format!("k{i}"),
            Place::Property(id) => format!("p{}", id.0),
            Place::Since(id) => format!("s{}", id.0),
            Place::Once(id) => format!("o{}", id.0),
            Place::Told(id) => format!("w{}", id.0),
            Place::Counted(id) => format!("c{}", id.0),
            Place::Extra => "extra".to_string(),
            Place::Known => "known".to_string(),
            Place::Deleted => "deleted".to_string(),
            Place::Tag(tag) => format!("t:{tag}"),
            Place::Version(Kept::Segment(name), at) => format!("v{at}:s:{name}"),
            Place::Version(Kept::Tag(name), at) => format!("v{at}:t:{name}"),
            Place::History(id) => format!("h{}", id.0),
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Place> {
        let number = || name.get(1..)?.parse().ok();
        let id = || number().map(PropertyId);
        Some(match name {
            "extra" => Place::Extra,
            "known" => Place::Known,
            "deleted" => Place::Deleted,
            _ if name.starts_with("t:") => Place::Tag(name[2..].to_string()),
            _ => match name.bytes().next()? {
                b'k' => Place::Key(usize::from(number()?)),
                b'p' => Place::Property(id()?),
                b's' => Place::Since(id()?),
                b'o' => Place::Once(id()?),
                b'h' => Place::History(id()?),
                b'w' => Place::Told(id()?),
                b'c' => Place::Counted(id()?),
                b'v' => version(name.get(1..)?)?,
                _ => return None,
            },
        })
    }

    /// The name of its file, without the number of the checkpoint. Tags may be called anything.
    pub(crate) fn stem(&self) -> String {
        match self {
            Place::Tag(tag) => format!("t{:016x}", xxh3_64(tag.as_bytes())),
            Place::Version(_, at) => format!("v{at}_{:016x}", xxh3_64(self.name().as_bytes())),
            other => other.name(),
        }
    }
}

/// `<time>:s:<segment>` or `<time>:t:<tag>`.
fn version(text: &str) -> Option<Place> {
    let (at, rest) = text.split_once(':')?;
    let kept = match rest.split_once(':')? {
        ("s", name) => Kept::Segment(name.to_string()),
        ("t", name) => Kept::Tag(name.to_string()),
        _ => return None,
    };
    Some(Place::Version(kept, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let id = PropertyId(7);
        let places = [Place::Key(2), Place::Property(id), Place::Since(id), Place::Once(id), Place::History(id), Place::Extra];
        let places = places.into_iter().chain([Place::Told(id), Place::Counted(id)]);
        let others = [Place::Known, Place::Deleted, Place::Tag("p1/ü".into())];
        let versions = [Place::Version(Kept::Segment("a:b".into()), -5), Place::Version(Kept::Tag("é".into()), 7)];
        places.chain(others).chain(versions).for_each(|p| assert_eq!(Place::parse(&p.name()), Some(p)));
        assert_eq!([Place::parse(""), Place::parse("x1"), Place::parse("p"), Place::parse("é")], [None, None, None, None]);
    }
}
