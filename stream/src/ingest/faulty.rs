//! A fault of a column in the words of a caller, who sees rows and names.

use super::answer::Refusal;
use super::record::shortened;
use crate::admit::{Fault, Why, shown};
use crate::source::RawBatch;

/// `owner` is ``event `x` `` or ``entity `x` ``; `key` says whether a name is one of its keys.
pub(crate) fn refusal(fault: &Fault, raw: &RawBatch, owner: &str, key: impl Fn(&str) -> bool) -> Refusal {
    let name = fault.column.map(|c| raw.columns[c].name.as_str()).unwrap_or_default();
    let what = format!("{} `{name}` of {owner}", if key(name) { "key" } else { "property" });
    match &fault.why {
        Why::Unfit(wanted) => {
            let value = fault.column.map(|c| shown(raw, c, fault.row as usize)).unwrap_or_default();
            Refusal::wrong_type(&what, &unquoted(&value), wanted)
        }
        Why::Missing(what) => Refusal::new("missing", format!("{what} of {owner} is missing")),
        other => Refusal::new("invalid", format!("{what}: {other:?}")),
    }
}

/// A text among values of other types is kept as JSON: what is said of a row must not depend on its neighbours.
fn unquoted(value: &str) -> String {
    let whole = serde_json::from_str::<String>(value).ok();
    let cut = || value.strip_prefix('"').map(str::to_string);
    shortened(&whole.or_else(cut).unwrap_or_else(|| value.to_string()))
}
