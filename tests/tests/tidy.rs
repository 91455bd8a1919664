//! The house rules of `docs/STYLE.md` that a machine can check. A rule that is broken is named together with the place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Broken = Vec<String>;

/// The crates by floor: a crate may depend on crates of lower floors only.
const FLOORS: &[(&str, u8)] = &[
    ("grammar", 0),
    ("catalog", 0),
    ("compiler", 1),
    ("timeline", 1),
    ("store", 1),
    ("planner", 2),
    ("editor", 2),
    ("stream", 3),
    ("live", 3),
    ("engine", 4),
    ("server", 5),
    ("clients/cli", 6),
    ("tests", 7),
    // Asks nothing of the others, and nobody asks it.
    ("bench/floor", 0),
];

/// Who may name a dependency in `Cargo.toml`. The tests may name everything.
const KEEPERS: &[(&[&str], &[&str])] = &[
    (&["pest", "pest_derive"], &["grammar"]),
    (&["sled"], &["store"]),
    (&["datafusion"], &["planner", "engine"]),
    (&["tonic", "tonic-prost", "prost", "axum", "tower", "arrow-flight"], &["server"]),
    (&["arrow", "parquet"], &["store", "planner", "stream", "live", "engine", "server", "clients/cli"]),
    // The store waits for an asynchronous S3 client; nothing else of it is asynchronous. The log of changes wakes its readers, who are
    // tasks, by a channel.
    (&["tokio", "futures"], &["store", "planner", "live", "engine", "server", "clients/cli"]),
    (&["object_store"], &["store"]),
    (&["tower-lsp-server"], &["clients/cli"]),
];

/// Words of foreign code, and the only places that may say them: a path that ends in `/` is a folder.
const SECRETS: &[(&[&str], &[&str])] = &[
    (&["pest::", "pest_derive", "use pest"], &["grammar/src/parser.rs"]),
    (&["sled::", "use sled"], &["store/src/kv/sled.rs"]),
    (&["object_store::"], &["store/src/part/place/object.rs"]),
    (&["tonic::", "axum::", "arrow_flight::"], &["server/", "tests/", "clients/cli/tests/"]),
    (&["datafusion::"], &["planner/", "engine/"]),
    (&["tower_lsp_server::"], &["clients/cli/src/lsp/"]),
];

const LINES_MAX: usize = 600;

/// Files above the cap: each is one honest list.
const LONG: &[(&str, &str)] = &[("grammar/src/ast.rs", "the syntax tree is one list of nodes")];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below the root as (path from the root, place), without what is built or hidden.
fn files() -> Vec<(String, PathBuf)> {
    let root = root();
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())).flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let skipped = name.starts_with('.') || name == "node_modules" || name == "__pycache__" || path.join("CACHEDIR.TAG").exists();
            match path.is_dir() {
                _ if skipped => {}
                true => open.push(path),
                false => {
                    let relative = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                    found.push((relative, path));
                }
            }
        }
    }
    found.sort();
    found
}

fn sources() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(name, _)| name.ends_with(".rs")).map(|(name, path)| (name, read(&path)))
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    read(&path).parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Everything a crate depends on, tests and build scripts included where `all`.
fn dependencies(folder: &str, all: bool) -> Vec<String> {
    let manifest = manifest(folder);
    let kinds: &[&str] = if all { &["dependencies", "dev-dependencies", "build-dependencies"] } else { &["dependencies"] };
    let tables = kinds.iter().filter_map(|k| manifest.get(*k)?.as_table());
    tables.flat_map(|t| t.keys().cloned()).collect()
}

/// The code of a line, without what follows `//`.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn none(broken: Broken) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_crate_has_a_floor() {
    let manifest = manifest("");
    let members = manifest.get("workspace").and_then(|w| w.get("members")?.as_array()).map(Vec::as_slice).unwrap_or_default();
    let unknown = members.iter().filter_map(toml::Value::as_str).filter(|m| FLOORS.iter().all(|(f, _)| f != m));
    none(unknown.map(|m| format!("{m}: say in tidy.rs on which floor it stands")).collect());
}

#[test]
fn dependencies_point_down() {
    let floor = |package: &str| FLOORS.iter().find(|(f, _)| f.rsplit('/').next() == package.strip_prefix("eql-")).map(|(_, n)| *n);
    let mut broken = Broken::new();
    for (folder, own) in FLOORS {
        for dependency in dependencies(folder, true) {
            if floor(&dependency).is_some_and(|n| n >= *own) {
                broken.push(format!("{folder} depends on {dependency}, which does not stand below it"));
            }
        }
    }
    none(broken);
}

#[test]
fn foreign_crates_have_their_keepers() {
    let mut broken = Broken::new();
    for (folder, _) in FLOORS.iter().filter(|(f, _)| *f != "tests") {
        for dependency in dependencies(folder, false) {
            let keepers = KEEPERS.iter().find(|(names, _)| names.contains(&dependency.as_str())).map(|(_, k)| *k);
            if keepers.is_some_and(|k| !k.contains(folder)) {
                broken.push(format!("{folder} depends on {dependency}, which belongs to {keepers:?}"));
            }
        }
    }
    none(broken);
}

#[test]
fn secrets_stay_with_their_keepers() {
    let may = |name: &str, places: &[&str]| places.iter().any(|p| if p.ends_with('/') { name.starts_with(p) } else { name == *p });
    let mut broken = Broken::new();
    for (name, text) in sources().filter(|(name, _)| name != "tests/tests/tidy.rs") {
        for (words, places) in SECRETS.iter().filter(|(_, places)| !may(&name, places)) {
            let said = |line: &str| words.iter().any(|w| code(line).match_indices(w).any(|(at, _)| whole_word(code(line), at)));
            let lines = text.lines().enumerate().filter(|(_, l)| said(l));
            broken.extend(lines.map(|(n, l)| format!("{name}:{}: only {places:?} may say this: {}", n + 1, l.trim())));
        }
    }
    none(broken);
}

/// True unless the match is the end of a longer word, or of a path to something of ours (`crate::sled::`).
fn whole_word(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
}

#[test]
fn names_say_what_is_inside() {
    let vague = ["utils", "util", "common", "helpers", "helper", "misc"];
    let is_vague = |part: &str| vague.contains(&part.split('.').next().unwrap_or(part));
    none(
        files().into_iter().filter(|(name, _)| name.split('/').any(is_vague)).map(|(name, _)| format!("{name}: find it a noun")).collect(),
    );
}

#[test]
fn sources_name_no_machine() {
    let places = ["tmp", "work", "root", "home"].map(|p| format!("/{p}/"));
    let opens = |line: &str, at: usize| line[..at].ends_with(['"', '\'', '`', ' ', '(', '=']);
    let mut broken = Broken::new();
    for (name, path) in files() {
        if ![".rs", ".py", ".sh", ".toml", ".md", ".eql", ".yml", ".yaml"].iter().any(|e| name.ends_with(e)) && name != "test" {
            continue;
        }
        for (n, line) in read(&path).lines().enumerate() {
            let named = places.iter().any(|p| line.match_indices(p.as_str()).any(|(at, _)| opens(line, at)));
            if named {
                broken.push(format!("{name}:{}: a path of one machine: {}", n + 1, line.trim()));
            }
        }
    }
    none(broken);
}

#[test]
fn files_stay_short() {
    let long: BTreeMap<&str, &str> = LONG.iter().copied().collect();
    let mut broken = Broken::new();
    for (name, text) in sources() {
        match (text.lines().count(), long.contains_key(name.as_str())) {
            (n, false) if n > LINES_MAX => broken.push(format!("{name}: {n} lines; cut it, or give tidy.rs a reason")),
            (n, true) if n <= LINES_MAX => broken.push(format!("{name}: {n} lines; no exception any more")),
            _ => {}
        }
    }
    none(broken);
}

#[test]
fn doors_tell_their_story() {
    let mut broken = Broken::new();
    for (folder, _) in FLOORS {
        let (door, path) = (format!("{folder}/src/lib.rs"), root().join(folder).join("src/lib.rs"));
        let name = folder.rsplit('/').next().unwrap_or(folder);
        if path.exists() && !read(&path).starts_with(&format!("//! # eql-{name}")) {
            broken.push(format!("{door}: begins with `//! # eql-{name}`"));
        }
    }
    none(broken);
}

#[test]
fn crates_take_the_lints_of_the_house() {
    let inherits = |folder: &str| manifest(folder).get("lints").and_then(|l| l.get("workspace")?.as_bool()) == Some(true);
    none(FLOORS.iter().filter(|(f, _)| !inherits(f)).map(|(f, _)| format!("{f}/Cargo.toml: [lints] workspace = true")).collect());
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Broken::new();
    for (name, path) in files().into_iter().filter(|(name, _)| name.ends_with(".md")) {
        let text = read(&path);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:") || file.is_empty();
            if !elsewhere && !path.with_file_name("").join(file).exists() {
                broken.push(format!("{name}: {target} does not exist"));
            }
        }
    }
    none(broken);
}

#[test]
fn the_style_page_names_files_that_exist() {
    let text = read(&root().join("docs/STYLE.md"));
    let named = text.split('`').skip(1).step_by(2).filter(|w| w.contains('/') && !w.contains(' '));
    none(named.filter(|w| !root().join(w).exists()).map(|w| format!("docs/STYLE.md: {w} does not exist")).collect());
}
