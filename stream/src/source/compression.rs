//! An input as a stream of plain bytes, whatever it is packed in.

use crate::{Format, ImportError, Input};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Bytes = BufReader<Box<dyn Read + Send>>;

/// Plain bytes of an input.
pub(crate) struct Stream {
    pub(crate) name: String,
    /// The file itself, for formats that seek; None for a stream and for a packed file.
    pub(crate) seekable: Option<File>,
    reader: Bytes,
    done: Arc<AtomicU64>,
    pub(crate) total: Option<u64>,
}

impl Stream {
    pub(crate) fn open(input: Input) -> Result<Stream, ImportError> {
        let name = input.name();
        let (file, total, reader): (Option<File>, Option<u64>, Box<dyn Read + Send>) = match input {
            Input::File(path) if path.as_os_str() == "-" => (None, None, Box::new(std::io::stdin())),
            Input::File(path) => open_file(&path)?,
            Input::Reader { reader, .. } => (None, None, reader),
        };
        let done = Arc::new(AtomicU64::new(0));
        let mut packed: Bytes = BufReader::with_capacity(1 << 18, Box::new(Counted { reader, done: done.clone() }));
        let head = peek(&mut packed, &name)?.to_vec();
        let (reader, plain) = unpack(packed, &head, &name)?;
        Ok(Stream { name, seekable: file.filter(|_| plain), reader, done, total })
    }

    /// Of the name without `.gz` and `.zst`.
    pub(crate) fn extension(&self) -> String {
        let name = self.name.to_ascii_lowercase();
        let plain = [".gz", ".zst", ".gzip", ".zstd"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
        Path::new(plain).extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(crate) fn format_by_name(&self) -> Option<Format> {
        match self.extension().as_str() {
            "parquet" | "pq" => Some(Format::Parquet),
            "csv" | "tsv" => Some(Format::Csv),
            "ndjson" | "jsonl" | "json" => Some(Format::Ndjson),
            _ => None,
        }
    }

    pub(crate) fn format_by_content(&mut self) -> Result<Format, ImportError> {
        let head = self.peek()?;
        let start = head.iter().find(|b| !b.is_ascii_whitespace()).copied();
        match start {
            _ if head.starts_with(b"PAR1") => Ok(Format::Parquet),
            Some(b'{' | b'[') => Ok(Format::Ndjson),
            Some(_) if !head.contains(&0) => Ok(Format::Csv),
            _ => Err(ImportError::UnknownFormat { file: self.name.clone() }),
        }
    }

    /// The bytes that come next.
    pub(crate) fn peek(&mut self) -> Result<&[u8], ImportError> {
        peek(&mut self.reader, &self.name)
    }

    /// Skips bytes that were peeked at.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.reader.consume(bytes);
    }

    /// Appends to `buffer` until it holds `want` more bytes; false at the end of the input.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<u8>, want: usize) -> Result<bool, ImportError> {
        let read = (&mut self.reader).take(want as u64).read_to_end(buffer).map_err(|e| broken(&self.name, e))?;
        Ok(read == want)
    }

    pub(crate) fn bytes_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

#[allow(clippy::type_complexity)]
fn open_file(path: &Path) -> Result<(Option<File>, Option<u64>, Box<dyn Read + Send>), ImportError> {
    let name = || path.display().to_string();
    let refused = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => ImportError::NoSuchFile { path: path.to_path_buf() },
        _ => ImportError::NotReadable { file: name(), reason: e.to_string(), source: Some(e) },
    };
    let file = File::open(path).map_err(refused)?;
    let about = file.metadata().map_err(refused)?;
    if about.is_dir() {
        return Err(ImportError::NotReadable { file: name(), reason: "it is a directory; name its files".into(), source: None });
    }
    // A pipe has no length and cannot seek.
    let regular = about.is_file();
    let again = if regular { Some(file.try_clone().map_err(refused)?) } else { None };
    Ok((again, regular.then_some(about.len()), Box::new(file)))
}

fn unpack(packed: Bytes, head: &[u8], name: &str) -> Result<(Bytes, bool), ImportError> {
    let lower = name.to_ascii_lowercase();
    let wrong =
        |kind: &str| Err(ImportError::Damaged { file: name.to_string(), reason: format!("its name says {kind}, but its content is not") });
    if head.starts_with(&[0x1f, 0x8b]) {
        Ok((BufReader::with_capacity(1 << 18, Box::new(flate2::bufread::MultiGzDecoder::new(packed))), false))
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|e| broken(name, e))?;
        Ok((BufReader::with_capacity(1 << 18, Box::new(decoder)), false))
    } else if lower.ends_with(".gz") {
        wrong("gzip")
    } else if lower.ends_with(".zst") {
        wrong("zstd")
    } else {
        Ok((packed, true))
    }
}

fn peek<'a>(reader: &'a mut Bytes, name: &str) -> Result<&'a [u8], ImportError> {
    reader.fill_buf().map_err(|e| broken(name, e))
}

/// A packed stream that ends too early, and the like.
fn broken(name: &str, e: std::io::Error) -> ImportError {
    let file = name.to_string();
    match e.raw_os_error() {
        Some(_) => ImportError::NotReadable { file, reason: e.to_string(), source: Some(e) },
        None if e.kind() == std::io::ErrorKind::UnexpectedEof => ImportError::Damaged { file, reason: "it ends in the middle".into() },
        None => ImportError::Damaged { file, reason: e.to_string() },
    }
}

struct Counted {
    reader: Box<dyn Read + Send>,
    done: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
