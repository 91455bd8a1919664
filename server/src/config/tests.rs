#![allow(clippy::unwrap_used)]

use super::*;

fn load(file: &str, env: &[(&str, &str)], options: &Options) -> Result<Config, ConfigError> {
    let env = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string()));
    Config::of(Some(("eql.toml".to_string(), file.to_string())), env, options)
}

fn message(file: &str, env: &[(&str, &str)]) -> String {
    load(file, env, &Options::default()).unwrap_err().to_string()
}

#[test]
fn flags_stand_above_the_environment_above_the_file_above_defaults() {
    let file = "data = '/a'\nhttp = '127.0.0.1:1'\nflight = '127.0.0.1:2'\n[limits]\nrunning = 3\nmemory_bytes = '512 MiB'";
    let options = Options { data: Some("/c".into()), ..Options::default() };
    let config = load(file, &[("EQL_DATA", "/b"), ("EQL_HTTP", "127.0.0.1:9"), ("EQL_LIMITS_THREADS", "2")], &options).unwrap();
    assert_eq!(config.data, PathBuf::from("/c"));
    assert_eq!((config.http.port(), config.flight.port()), (9, 2));
    assert_eq!((config.limits.running, config.limits.threads, config.limits.memory_bytes), (3, 2, 512 << 20));
    assert_eq!(config.limits.waiting, Limits::default().waiting);
}

#[test]
fn an_unknown_key_is_named_with_its_nearest() {
    assert_eq!(message("flihgt = '127.0.0.1:1'", &[]), "unknown key `flihgt` in eql.toml: the nearest is `flight`");
    assert_eq!(message("[limits]\nruning = 1", &[]), "unknown key `limits.runing` in eql.toml: the nearest is `limits.running`");
    assert_eq!(message("", &[("EQL_FLIHGT", "x")]), "unknown key `EQL_FLIHGT` in the environment: the nearest is `EQL_FLIGHT`");
    assert!(load("", &[("EQL_BIN", "eql"), ("PATH", "x")], &Options::default()).is_ok());
}

#[test]
fn values_are_checked() {
    assert_eq!(message("http = 'nowhere'", &[]), "`http` in eql.toml: HOST:PORT, such as 127.0.0.1:8080, is needed, not \"nowhere\"");
    assert_eq!(message("[limits]\nrunning = 0", &[]), "`limits.running` in eql.toml: at least 1 is needed, not 0");
    assert_eq!(
        message("", &[("EQL_INSECURE", "perhaps")]),
        "`insecure` in environment variable EQL_INSECURE: true or false is needed, not \"perhaps\""
    );
    assert!(message("= 1", &[]).starts_with("eql.toml is no TOML"));
    let refused = message("tokens = ['sha256:c0ffee']", &[]);
    assert!(refused.contains("64 hexadecimal digits") && !refused.contains("c0ffee"), "{refused}");
}

#[test]
fn strangers_are_kept_out() {
    assert!(message("http = '0.0.0.0:8080'", &[]).contains("no token is configured"));
    assert!(message("http = '0.0.0.0:8080'\ntokens = ['secret']", &[]).contains("without encryption"));
    assert!(load("http = '0.0.0.0:8080'\ntokens = ['secret']\ninsecure = true", &[], &Options::default()).is_ok());
    assert!(load("flight = '0.0.0.0:1'\ntokens = ['secret']\ntls = { cert = 'c', key = 'k' }", &[], &Options::default()).is_ok());
    assert!(message("tls = { cert = 'c' }", &[]).contains("`tls.key` is missing"));
}

#[test]
fn the_clients_token_variable_counts() {
    let config = load("", &[("EQL_TOKEN", "secret")], &Options::default()).unwrap();
    assert_eq!(config.tokens, ["secret"]);
}

#[test]
fn tokens_are_never_printed() {
    let config = load("tokens = ['hush']", &[], &Options::default()).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
}
