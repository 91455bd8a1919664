//! A row of an answer, as JSON.

/// A value of a row.
pub(crate) enum Cell {
    Number(i64),
    Amount(f64),
    Name(String),
}

pub(crate) struct Row(pub(crate) Vec<Cell>);

impl Row {
    pub(crate) fn json(&self) -> String {
        let cells: Vec<String> = self.0.iter().map(Cell::json).collect();
        format!("[{}]", cells.join(","))
    }
}

impl Cell {
    fn json(&self) -> String {
        match self {
            Cell::Number(n) => n.to_string(),
            Cell::Amount(a) => format!("{a:?}"),
            Cell::Name(n) => format!("\"{}\"", n.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Cell::Number(n)
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Cell::Number(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(n: usize) -> Self {
        Cell::from(n as u64)
    }
}

impl From<f64> for Cell {
    fn from(a: f64) -> Self {
        Cell::Amount(a)
    }
}

impl From<&str> for Cell {
    fn from(n: &str) -> Self {
        Cell::Name(n.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(n: &String) -> Self {
        Cell::Name(n.clone())
    }
}

/// `row![a, b, …]`
macro_rules! row {
    ($($cell:expr),+ $(,)?) => { $crate::row::Row(vec![$($crate::row::Cell::from($cell)),+]) };
}
pub(crate) use row;
