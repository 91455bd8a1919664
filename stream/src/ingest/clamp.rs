//! Times ahead of the server's clock: they are set back to it, and the row says what it claimed.

use super::group::Piece;
use crate::admit::quoted;
use arrow::array::{Array, StringArray, StringBuilder, TimestampMicrosecondArray};
use chrono::{DateTime, SecondsFormat};

/// The name under which `extra` keeps the time that was claimed.
const CLAIMED: &str = "$time_clamped_from";

/// Sets back what is more than `ahead` microseconds after its arrival; the rows of the group where that was so. Ids that were made of the content stay
/// as they are: the same body sent again has the same ids, whatever the clock says then.
pub(crate) fn clamp(piece: &mut Piece, ahead: i64) -> Vec<u32> {
    let Some(received) = &piece.batch.received else { return Vec::new() };
    let times = piece.batch.time.values();
    let far: Vec<bool> = times.iter().zip(received.values()).map(|(time, at)| *time > at.saturating_add(ahead)).collect();
    if !far.contains(&true) {
        return Vec::new();
    }
    let set_back = far.iter().zip(times.iter().zip(received.values())).map(|(far, (time, at))| if *far { *at } else { *time });
    let clamped: TimestampMicrosecondArray = set_back.collect::<Vec<_>>().into();
    piece.batch.extra = Some(flagged(piece.batch.extra.as_ref(), &piece.batch.time, &far));
    piece.batch.time = clamped.with_timezone("UTC");
    far.iter().zip(&piece.rows).filter(|(far, _)| **far).map(|(_, row)| *row).collect()
}

fn flagged(extra: Option<&StringArray>, times: &TimestampMicrosecondArray, far: &[bool]) -> StringArray {
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for (row, far) in far.iter().enumerate() {
        let said = extra.filter(|e| e.is_valid(row)).map(|e| e.value(row));
        if !far {
            builder.append_option(said);
            continue;
        }
        text.clear();
        let members = said.and_then(|s| s.strip_suffix('}')).filter(|s| s.len() > 1);
        text.push_str(members.unwrap_or("{"));
        text.push_str(if members.is_some() { "," } else { "" });
        let claimed = DateTime::from_timestamp_micros(times.value(row)).map(|t| t.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let done = quoted(CLAIMED, &mut text);
        text.push(':');
        // No calendar reaches some of the times that 64 bits hold.
        let done = done.and_then(|()| quoted(&claimed.unwrap_or_else(|| times.value(row).to_string()), &mut text));
        debug_assert!(done.is_ok(), "a String takes any text");
        text.push('}');
        builder.append_value(&text);
    }
    builder.finish()
}
