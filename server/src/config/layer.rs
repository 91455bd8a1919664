//! Where values come from: the file, the environment, the command line. Each becomes a list of keys and values.

use super::given::Given;
use super::keys::KEYS;
use super::{ConfigError, Options};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Values by key, with the place they came from.
pub(super) type Layer = Vec<(String, Given)>;

pub(super) fn read(path: &Path) -> Result<(String, String), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
    Ok((path.display().to_string(), text))
}

pub(super) fn file_layer(place: &str, text: &str) -> Result<Layer, ConfigError> {
    let table: toml::Table =
        text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax { place: place.to_string(), message: e.to_string() })?;
    let mut layer = Layer::new();
    flatten("", table, place, &mut layer);
    Ok(layer)
}

fn flatten(prefix: &str, table: toml::Table, place: &str, layer: &mut Layer) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, place, layer),
            value => layer.push((key, Given::new(value, place))),
        }
    }
}

/// A key's variable: `limits.running` is `EQL_LIMITS_RUNNING`.
fn variable(key: &str) -> String {
    format!("EQL_{}", key.replace('.', "_").to_uppercase())
}

/// The environment is shared with others, so a foreign `EQL_` name is ignored; one letter beside a name of ours is a mistake.
pub(super) fn environment_layer(environment: impl Iterator<Item = (String, String)>) -> Result<Layer, ConfigError> {
    let known: BTreeMap<String, &str> = KEYS.iter().map(|k| (variable(k.name), k.name)).collect();
    let mut layer = Layer::new();
    for (name, value) in environment.filter(|(n, _)| n.starts_with("EQL_")) {
        // The client's variable of one token: whoever sets it for both sides wants the server to know it.
        let key = if name == "EQL_TOKEN" { Some(&"tokens") } else { known.get(&name) };
        match key {
            Some(key) => layer.push(((*key).to_string(), Given::new(value.into(), &format!("environment variable {name}")))),
            None => {
                if let Some(near) = known.keys().find(|k| strsim::osa_distance(k, &name) == 1) {
                    return Err(ConfigError::UnknownKey { key: name, place: "the environment".to_string(), nearest: near.clone() });
                }
            }
        }
    }
    Ok(layer)
}

impl Options {
    pub(super) fn layer(&self) -> Layer {
        let path = |p: &Option<PathBuf>| p.as_ref().map(|p| p.display().to_string());
        let texts = [
            ("data", path(&self.data)),
            ("flight", self.flight.clone()),
            ("http", self.http.clone()),
            ("tls.cert", path(&self.tls_cert)),
            ("tls.key", path(&self.tls_key)),
            ("log", self.log.clone()),
        ];
        let place = "the command line";
        let mut layer: Layer = texts.into_iter().filter_map(|(key, v)| Some((key.to_string(), Given::new(v?.into(), place)))).collect();
        if self.insecure {
            layer.push(("insecure".to_string(), Given::new(true.into(), place)));
        }
        if !self.tokens.is_empty() {
            layer.push(("tokens".to_string(), Given::new(self.tokens.clone().into(), place)));
        }
        layer.extend(self.set.iter().map(|(key, value)| (key.clone(), Given::new(value.clone().into(), place))));
        layer
    }
}

pub(super) fn unknown(key: &str, place: &str) -> ConfigError {
    let nearest = KEYS.iter().map(|k| k.name).min_by_key(|name| strsim::osa_distance(name, key)).unwrap_or_default();
    ConfigError::UnknownKey { key: key.to_string(), place: place.to_string(), nearest: nearest.to_string() }
}
