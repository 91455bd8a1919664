//! The tables of the system: names, columns and what they say. The compiler, the engine and DESCRIBE read them from here.

use eql_catalog::DataType;

/// The first word of their names: `system.parts`.
pub const SCHEMA: &str = "system";

/// A table that tells what the engine knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum SystemTable {
    Caches,
    Catalog,
    Entities,
    Identities,
    IdentityConflicts,
    Log,
    Parts,
    Queries,
    Refreshes,
    Rejected,
    Segments,
    Settings,
    Subscriptions,
}

/// A column of a system table.
#[derive(Clone, Debug)]
pub struct SystemColumn {
    /// A promise: others read it.
    pub name: &'static str,
    /// Its type.
    pub data_type: fn() -> DataType,
    /// What it says.
    pub comment: &'static str,
}

/// What is known of a system table.
#[derive(Debug)]
pub struct Definition {
    /// Which.
    pub table: SystemTable,
    /// Its name without the schema.
    pub name: &'static str,
    /// What a row is.
    pub comment: &'static str,
    /// In order.
    pub columns: &'static [SystemColumn],
}

macro_rules! tables {
    ($($table:ident $name:literal $comment:literal { $($column:ident $type:expr, $about:literal;)* })*) => {
        /// All of them, by name.
        pub const TABLES: &[Definition] = &[$(Definition {
            table: SystemTable::$table,
            name: $name,
            comment: $comment,
            columns: &[$(SystemColumn { name: stringify!($column), data_type: || $type, comment: $about }),*],
        }),*];
    };
}

use DataType::{Date, Double, Int, List, String, Timestamp};

tables! {
    Caches "caches" "one row a cache" {
        name String, "`results`, `plans`, or `columns` (decoded columns and timelines)";
        entries Int, "what is in it";
        bytes Int, "how much memory that takes";
        bytes_max Int, "how much it may take";
        hits Int, "times it had what was wanted, since the start";
        misses Int, "times it had not";
    }
    Catalog "catalog" "one row a definition, and one a property" {
        name String, "its name";
        kind String, "`entity`, `key`, `identity`, `event`, `virtual event`, `property`, `virtual property`, `relation`, `metric`, `session`, `tag` or `segment`";
        owner String, "the entity or event type that it belongs to";
        type String, "of a property or a tag its type, of a relation where it leads to, of a segment how it is kept";
        comment String, "as its COMMENT says";
        definition String, "canonical text of the DEFINE; a stored property stands in that of its owner";
    }
    Entities "entities" "one row an entity type" {
        type String, "name of the entity type";
        rows Int, "known entities";
        deleted Int, "deleted ones among them";
        columns Int, "columns with values";
        bytes Int, "memory of these columns";
    }
    Identities "identities" "one row an identifier that somebody has, and one for each time that it was taken from somebody" {
        entity String, "name of the entity type";
        identity String, "name of the identity";
        value String, "the identifier";
        key String, "key of the entity that it leads to, after merges; NULL where it has none";
        ordinal Int, "place of that entity among those of its type, for life";
        since Timestamp, "when it became known as its owner's; NULL where that is over";
        until Timestamp, "when it was taken from its owner; NULL where it still belongs to it";
    }
    IdentityConflicts "identity_conflicts" "one row a bind or merge that was not made, because it contradicts what is known; the last ones are kept" {
        entity String, "name of the entity type";
        kind String, "`taken`: the value belongs to another known entity; `unique`: it has another value of this identity; `too_many_identifiers`, `too_many_merges`";
        identity String, "name of the identity";
        value String, "the identifier";
        key String, "key of the entity that the record was about";
        other String, "key of the entity that it would have been joined with";
        first_at Timestamp, "when that was said first";
        last_at Timestamp, "when it was said last";
        times Int, "how often";
    }
    Log "log" "one row: the log of accepted batches" {
        position Int, "last batch that is applied";
        checkpoint_position Int, "last batch whose rows are in parts";
        bytes Int, "on disk";
        files Int, "on disk";
    }
    Parts "parts" "one row a part: events of one month on disk, clustered by one entity type" {
        subject String, "name of the entity type";
        id Int, "number of the part";
        month Date, "first day of the month, UTC";
        rows Int, "events";
        bytes Int, "on disk";
        time_min Timestamp, "earliest event";
        time_max Timestamp, "latest event";
        events List(Box::new(String)), "names of the event types in it";
        level Int, "how often its rows were merged; 0 as a checkpoint writes it";
    }
    Queries "queries" "one row a statement: those that run and the last that ended" {
        id Int, "counts from the start of the engine";
        statement String, "its text, cut after 4,096 bytes";
        state String, "`running`, `finished`, `failed` or `cancelled`";
        started_at Timestamp, "when it arrived";
        seconds Double, "until its last row, or until now";
        rows Int, "rows given so far";
        memory_bytes Int, "most that its groups, sorts and joins held at once";
        error String, "why it failed";
    }
    Refreshes "refreshes" "one row a refresh of a segment or a tag; the last ones are kept" {
        object String, "name of the segment, or `entity.tag`";
        kind String, "`segment` or `tag`";
        started_at Timestamp, "the instant that it was computed as of";
        seconds Double, "how long that took";
        state String, "`finished` or `failed`";
        rows Int, "members, or entities that got a value";
        version Int, "number of the version that it made: a position of the log";
        error String, "why it failed";
    }
    Rejected "rejected" "one row a record that was not accepted; the last ones are kept" {
        received_at Timestamp, "when it came";
        target String, "event or entity type it was meant for";
        index Int, "its place in the request, from 0";
        id String, "its event_id";
        code String, "kind of the mistake";
        message String, "what is wrong with it";
        record String, "as it came, cut after 4 KiB";
    }
    Segments "segments" "one row a segment" {
        name String, "its name";
        entity String, "name of the entity type";
        mode String, "`dynamic`, `static` or `streaming`";
        members Int, "how many are stored; NULL where the definition is evaluated at each statement";
        version Int, "number of the present version: the position of the log that last changed its members";
        versions Int, "how many versions are kept, for AS OF";
        refreshed_at Timestamp, "of when the newest version is";
        subscribers Int, "of a streaming segment: who follows it now";
        error String, "why a streaming segment is not kept up to date";
    }
    Settings "settings" "one row a setting that is in force for this statement" {
        name String, "as in SET; `limit.` and more: set when the engine was started";
        value String, "its value";
    }
    Subscriptions "subscriptions" "one row a named subscription, a webhook or a stream that is open" {
        name String, "its name; of a stream a number";
        kind String, "`subscription`, `webhook` or `stream`";
        follows String, "`segment`, `tag` or `event`, and its name";
        state String, "`active`; `retrying`: a webhook whose last attempt failed; `broken`: what it has not read was removed or lost, and it begins again";
        position Int, "position of the log up to which everything was acknowledged; of a stream, handed to it";
        cursor String, "the same as a cursor, to go on there";
        lag Int, "changes that wait for it; NULL where events are followed";
        lag_ms Int, "for how long the first of them has been waiting, by the clock of the log: milliseconds";
        since Timestamp, "of a stream: when it began";
        acknowledged_at Timestamp, "when something was acknowledged last, or the subscription was made";
        delivered_at Timestamp, "when something was delivered last, since the server was started";
        attempts Int, "of a webhook: attempts in vain to deliver what it is at";
        dead_letters Int, "of a webhook: requests that were given up and are kept";
        error String, "of a webhook: what went wrong last, when nothing was delivered since";
        url String, "of a webhook: where it goes";
    }
}

/// A table by its name without the schema.
pub fn by_name(name: &str) -> Option<&'static Definition> {
    TABLES.iter().find(|t| t.name == name)
}

impl SystemTable {
    /// Its name, columns and comment.
    pub fn definition(self) -> &'static Definition {
        TABLES.iter().find(|t| t.table == self).unwrap_or(&TABLES[0])
    }
}
