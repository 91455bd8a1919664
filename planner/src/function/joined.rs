//! Texts made of others, within a bound: doubled thirty times, a letter fills any memory.

use super::guarded_by_name;
use super::kernel::{TEXT_BYTES_MAX, int, kernel, text};
use crate::refusal::refuse;
use arrow::array::{Array, ArrayRef, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr as DfExpr, cast};
use std::sync::Arc;

/// Bytes of all texts that a batch of rows may become.
const BATCH_BYTES_MAX: usize = 1 << 30;

/// A text that has become too long for one value.
fn too_long(name: &str) -> DataFusionError {
    refuse(format!("`{name}` makes a text of more than {TEXT_BYTES_MAX} bytes"), "take fewer or shorter parts: `left(text, 1000)`")
}

fn too_much(name: &str) -> DataFusionError {
    refuse(format!("`{name}` makes more than {BATCH_BYTES_MAX} bytes of text at once"), "take fewer or shorter parts: `left(text, 1000)`")
}

/// Texts of a batch, each no longer than it may be.
pub(super) struct Texts {
    name: &'static str,
    out: StringBuilder,
    bytes: usize,
}

impl Texts {
    pub(super) fn new(name: &'static str) -> Texts {
        Texts { name, out: StringBuilder::new(), bytes: 0 }
    }

    /// Room for a text of so many bytes: to be asked before it is made.
    pub(super) fn room(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        match () {
            () if bytes > TEXT_BYTES_MAX => Err(too_long(self.name)),
            () if self.bytes > BATCH_BYTES_MAX => Err(too_much(self.name)),
            () => Ok(()),
        }
    }

    pub(super) fn push(&mut self, text: Option<&str>) {
        self.out.append_option(text);
    }

    pub(super) fn finish(mut self) -> ArrayRef {
        Arc::new(self.out.finish())
    }
}

/// A function that joins or replaces texts.
pub(super) fn call(name: &str, args: Vec<DfExpr>) -> Result<DfExpr> {
    Ok(match name {
        "concat" => kernel("concat", DataType::Utf8, texts(args), |a| concat("concat", a, None, false)),
        "concat_ws" => kernel("concat_ws", DataType::Utf8, texts(args), |a| concat("concat_ws", &a[1..], Some(text(a, 0)?), false)),
        "replace" => kernel("replace", DataType::Utf8, args, replace),
        other => guarded_by_name(other, args, replaced)?,
    })
}

/// `a || b`: NULL where one is.
pub(crate) fn both(a: DfExpr, b: DfExpr) -> DfExpr {
    kernel("concat", DataType::Utf8, texts(vec![a, b]), |a| concat("||", a, None, true))
}

fn texts(args: Vec<DfExpr>) -> Vec<DfExpr> {
    args.into_iter().map(|e| cast(e, DataType::Utf8)).collect()
}

/// The values of each row behind each other. Missing ones are left out, or make the row NULL (`strict`), as a missing separator does.
fn concat(name: &'static str, args: &[ArrayRef], separator: Option<&StringArray>, strict: bool) -> Result<ArrayRef> {
    let columns = (0..args.len()).map(|i| text(args, i)).collect::<Result<Vec<_>>>()?;
    let rows = columns.first().map_or(0, |c| c.len());
    let (mut out, mut whole) = (Texts::new(name), String::new());
    for row in 0..rows {
        if separator.is_some_and(|s| s.is_null(row)) || strict && columns.iter().any(|c| c.is_null(row)) {
            out.push(None);
            continue;
        }
        let between = separator.map_or("", |s| s.value(row));
        let parts = || columns.iter().filter(|c| c.is_valid(row)).map(|c| c.value(row));
        let bytes = parts().map(str::len).fold(0usize, usize::saturating_add);
        out.room(bytes.saturating_add(between.len().saturating_mul(parts().count().saturating_sub(1))))?;
        whole.clear();
        for (i, part) in parts().enumerate() {
            whole.push_str(if i == 0 { "" } else { between });
            whole.push_str(part);
        }
        out.push(Some(&whole));
    }
    Ok(out.finish())
}

fn replace(a: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, parts, others) = (text(a, 0)?, text(a, 1)?, text(a, 2)?);
    let mut out = Texts::new("replace");
    for ((t, part), by) in texts.iter().zip(parts).zip(others) {
        let (Some(t), Some(part), Some(by)) = (t, part, by) else {
            out.push(None);
            continue;
        };
        if part.is_empty() {
            // Nothing stands nowhere.
            out.room(t.len())?;
            out.push(Some(t));
            continue;
        }
        let times = t.matches(part).count();
        out.room((t.len() - times * part.len()).saturating_add(times.saturating_mul(by.len())))?;
        out.push(Some(&t.replace(part, by)));
    }
    Ok(out.finish())
}

/// Refuses what can become too long: it is at most as long as if every letter were replaced by the whole text at every group.
fn replaced(a: &[ArrayRef]) -> Result<()> {
    const PRODUCT_MAX: usize = 64 << 20;
    let (Ok(texts), Ok(others)) = (text(a, 0), text(a, 2)) else { return Ok(()) };
    let mut all = 0usize;
    for (t, by) in texts.iter().zip(others) {
        let most = (t.unwrap_or_default().len() + 1).saturating_mul(by.unwrap_or_default().len());
        all = all.saturating_add(most);
        if most > PRODUCT_MAX {
            return Err(too_long("regexp_replace"));
        }
        if all > BATCH_BYTES_MAX {
            return Err(too_much("regexp_replace"));
        }
    }
    Ok(())
}

/// `repeat(text, times)`.
pub(super) fn repeat(a: &[ArrayRef]) -> Result<ArrayRef> {
    let mut out = Texts::new("repeat");
    for (t, n) in text(a, 0)?.iter().zip(int(a, 1)?) {
        let (Some(t), Some(n)) = (t, n) else {
            out.push(None);
            continue;
        };
        let n = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
        out.room(t.len().saturating_mul(n))?;
        out.push(Some(&if t.is_empty() { String::new() } else { t.repeat(n) }));
    }
    Ok(out.finish())
}
