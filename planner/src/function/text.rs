//! Functions of text that DataFusion lacks, or does without a bound.

use super::digest::{md5, sha256};
use super::joined::{self, Texts};
use super::kernel::{each_text, int, kernel, text, text_lists};
use super::{by_name, guarded_by_name};
use crate::refusal::refuse;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr as DfExpr, cast, lit};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The function of a name; None when it is none of this page.
pub(super) fn call(name: &str, a: &mut Vec<DfExpr>) -> Result<Option<DfExpr>> {
    let utf8 = || DataType::Utf8;
    let args = std::mem::take(a);
    Ok(Some(match name {
        "repeat" => kernel("repeat", utf8(), args, joined::repeat),
        "lpad" => kernel("lpad", utf8(), args, |a| pad("lpad", a, true)),
        "rpad" => kernel("rpad", utf8(), args, |a| pad("rpad", a, false)),
        "left" => kernel("left", utf8(), args, |a| side(a, |t, n| kept(t, n).0)),
        "right" => kernel("right", utf8(), args, |a| side(a, |t, n| kept(t, n).1)),
        "chr" => kernel("chr", utf8(), args, |a| Ok(Arc::new(int(a, 0)?.iter().map(|c| c.and_then(character)).collect::<StringArray>()))),
        "md5" => kernel("md5", utf8(), args, |a| Ok(each_text(text(a, 0)?, |t| Some(md5(t.as_bytes()))))),
        "sha256" => kernel("sha256", utf8(), args, |a| Ok(each_text(text(a, 0)?, |t| Some(sha256(t.as_bytes()))))),
        "hash" => {
            let texts = args.into_iter().map(|e| cast(e, DataType::Utf8)).collect();
            kernel("hash", DataType::Int64, texts, |a| Ok(super::kernel::each_int(text(a, 0)?, |t| Some(hash(t)))))
        }
        "similarity" => kernel("similarity", DataType::Float64, args, |a| {
            let pairs = text(a, 0)?.iter().zip(text(a, 1)?);
            Ok(Arc::new(pairs.map(|(x, y)| Some(similarity(x?, y?))).collect::<Float64Array>()))
        }),
        "split" => kernel("split", text_list(), args, split),
        "split_part" => kernel("split_part", utf8(), args, split_part),
        "levenshtein" => guarded_by_name("levenshtein", args, comparable)?,
        "regexp_position" => by_name("regexp_instr", args)?,
        "regexp_extract" => extract(args)?,
        "to_hex" => by_name("to_hex", args)?,
        _ => {
            *a = args;
            return Ok(None);
        }
    }))
}

/// Every letter is held against every letter: nobody waits for two books.
fn comparable(a: &[ArrayRef]) -> Result<()> {
    const PAIRS_MAX: usize = 1 << 26;
    let (Ok(x), Ok(y)) = (text(a, 0), text(a, 1)) else { return Ok(()) };
    let long = |(x, y): (Option<&str>, Option<&str>)| x.unwrap_or_default().len().saturating_mul(y.unwrap_or_default().len()) > PAIRS_MAX;
    if x.iter().zip(y).any(long) {
        return Err(refuse("`levenshtein` compares texts of 8,192 bytes each", "compare the beginnings: `left(text, 8000)`"));
    }
    Ok(())
}

pub(super) fn text_list() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn pad(name: &'static str, a: &[ArrayRef], left: bool) -> Result<ArrayRef> {
    let (texts, lengths) = (text(a, 0)?, int(a, 1)?);
    let fills = if a.len() > 2 { Some(text(a, 2)?) } else { None };
    let mut out = Texts::new(name);
    for i in 0..texts.len() {
        if texts.is_null(i) || lengths.is_null(i) || fills.is_some_and(|f| f.is_null(i)) {
            out.push(None);
            continue;
        }
        let wanted = usize::try_from(lengths.value(i).max(0)).unwrap_or(usize::MAX);
        out.room(wanted.saturating_mul(4))?;
        let (own, fill) = (texts.value(i), fills.map_or(" ", |f| f.value(i)));
        let have = own.chars().count();
        let filling: String =
            if fill.is_empty() { String::new() } else { fill.chars().cycle().take(wanted.saturating_sub(have)).collect() };
        let kept: String = own.chars().take(wanted).collect();
        out.push(Some(&if left { filling + &kept } else { kept + &filling }));
    }
    Ok(out.finish())
}

fn side(a: &[ArrayRef], part: impl Fn(&str, i64) -> &str) -> Result<ArrayRef> {
    let pairs = text(a, 0)?.iter().zip(int(a, 1)?);
    Ok(Arc::new(pairs.map(|(t, n)| Some(part(t?, n?))).collect::<StringArray>()))
}

/// So many characters at the start of a text, and at its end; a negative number leaves out so many at the other side.
fn kept(t: &str, n: i64) -> (&str, &str) {
    let all = t.chars().count();
    let many = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    let count = if n < 0 { all.saturating_sub(many) } else { many.min(all) };
    let at = |count: usize| t.char_indices().nth(count).map_or(t.len(), |(at, _)| at);
    (&t[..at(count)], &t[at(all - count)..])
}

fn character(code: i64) -> Option<String> {
    u32::try_from(code).ok().filter(|c| *c > 0).and_then(char::from_u32).map(String::from)
}

/// The same number for the same text for ever: samples are stored by it.
fn hash(t: &str) -> i64 {
    i64::try_from(xxhash_rust::xxh3::xxh3_64(t.as_bytes()) >> 1).unwrap_or(i64::MAX)
}

/// Shared groups of three letters of all; words are taken with two blanks before and one behind.
fn similarity(a: &str, b: &str) -> f64 {
    let (x, y) = (trigrams(a), trigrams(b));
    let all = x.union(&y).count();
    if all == 0 { 0.0 } else { x.intersection(&y).count() as f64 / all as f64 }
}

fn trigrams(t: &str) -> BTreeSet<[char; 3]> {
    let mut out = BTreeSet::new();
    for word in t.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let letters: Vec<char> = "  ".chars().chain(word.chars()).chain(" ".chars()).collect();
        out.extend(letters.windows(3).map(|w| [w[0], w[1], w[2]]));
    }
    out
}

fn parts<'t>(t: &'t str, separator: &str) -> Vec<&'t str> {
    if separator.is_empty() { vec![t] } else { t.split(separator).collect() }
}

fn split(a: &[ArrayRef]) -> Result<ArrayRef> {
    let pairs = text(a, 0)?.iter().zip(text(a, 1)?);
    Ok(text_lists(pairs.map(|(t, by)| Some(parts(t?, by?).into_iter().map(|p| Some(p.to_string())).collect::<Vec<_>>()))))
}

fn split_part(a: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = text(a, 0)?.iter().zip(text(a, 1)?).zip(int(a, 2)?);
    let one = |((t, by), n): ((Option<&str>, Option<&str>), Option<i64>)| {
        let (parts, n) = (parts(t?, by?), n?);
        let at = match n {
            1.. => usize::try_from(n - 1).ok(),
            0 => None,
            _ => usize::try_from(n.unsigned_abs()).ok().and_then(|back| parts.len().checked_sub(back)),
        };
        Some(at.and_then(|i| parts.get(i).copied()).unwrap_or("").to_string())
    };
    Ok(Arc::new(rows.map(one).collect::<StringArray>()))
}

/// The first match as a list (all of it, then its groups), of which one member is taken.
fn extract(mut args: Vec<DfExpr>) -> Result<DfExpr> {
    let group = if args.len() > 2 { args.pop() } else { None };
    let pattern = args.pop().unwrap_or_else(|| lit(""));
    let whole = by_name("concat", vec![lit("("), pattern, lit(")")])?;
    args.push(whole);
    let found = by_name("regexp_match", args)?;
    Ok(kernel("regexp_extract", DataType::Utf8, std::iter::once(found).chain(group).collect(), picked))
}

/// Of each match the group of a number, 0 being all of it; without numbers the first group, or all of it where there is none.
fn picked(a: &[ArrayRef]) -> Result<ArrayRef> {
    let matches = a[0].as_list_opt::<i32>().ok_or_else(|| DataFusionError::Internal("a match is no list".into()))?;
    let groups = if a.len() > 1 { Some(int(a, 1)?) } else { None };
    let one = |row: usize| {
        if matches.is_null(row) {
            return Ok(None);
        }
        let found = matches.value(row);
        let found = found.as_string_opt::<i32>().ok_or_else(|| DataFusionError::Internal("a group is no text".into()))?;
        let group = match groups {
            Some(groups) if groups.is_null(row) => None,
            Some(groups) => usize::try_from(groups.value(row)).ok(),
            None => Some(usize::from(found.len() > 1)),
        };
        Ok(group.filter(|g| *g < found.len() && found.is_valid(*g)).map(|g| found.value(g).to_string()))
    };
    Ok(Arc::new((0..matches.len()).map(one).collect::<Result<StringArray>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    #[test]
    fn alike_texts_share_groups_of_letters() {
        // "  w", " wo", "wor", "ord", "rd " against those of "two" and "words": 4 shared of 11.
        assert!((similarity("word", "two words") - 4.0 / 11.0).abs() < 1e-12);
        assert!((similarity("Same", "same") - 1.0).abs() < 1e-12);
        assert!(similarity("", "") == 0.0);
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(""), (0x2d06800538d394c2u64 >> 1) as i64);
        assert_eq!(hash("u1"), hash("u1"));
        assert!(hash("u1") != hash("u2"));
    }

    #[test]
    fn lists_of_texts_keep_empty_parts() {
        assert_eq!(parts("a,,b", ","), ["a", "", "b"]);
        assert_eq!(parts("", ","), [""]);
        assert_eq!(parts("ab", ""), ["ab"]);
        let list = split(&[Arc::new(StringArray::from(vec![Some("a,b"), None])), Arc::new(StringArray::from(vec![",", ","]))]);
        assert_eq!(list.map(|l| (l.len(), l.is_null(1))).ok(), Some((2, true)));
        let ids = Int64Array::from(vec![65, 0, -1, 0x11_0000]);
        assert_eq!(ids.iter().map(|c| c.and_then(character)).collect::<Vec<_>>(), [Some("A".to_string()), None, None, None]);
    }
}
