#![allow(clippy::unwrap_used)]

use super::*;
use eql_engine::PartsAt;

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

#[test]
fn parts_may_lie_elsewhere_and_their_credentials_are_never_printed() {
    let file = "[parts]\nurl = 's3://b/p'\nregion = 'eu-central-1'\nallow_http = true\nsecret_access_key = 'hush'";
    let config = load(file, &[("EQL_PARTS_ACCESS_KEY_ID", "hush-id"), ("EQL_PARTS_URL", "s3://b/other")], &Options::default()).unwrap();
    let PartsAt::Url { url, options } = config.parts.at() else { panic!("{:?}", config.parts) };
    assert_eq!(url, "s3://b/other");
    let options: Vec<_> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(options, ["access_key_id=hush-id", "allow_http=true", "region=eu-central-1", "secret_access_key=hush"]);
    assert!(format!("{config:?}").contains("s3://b/other") && !format!("{config:?}").contains("hush"));
    assert!(!message("[parts]\nurl = 's3://b'\nsecret_access_key = 12345", &[]).contains("12345"));
    assert!(message("[parts]\nregion = 'x'", &[]).contains("`parts.region` says how to reach"));
    assert_eq!(load("", &[("EQL_PARTS_URL", "")], &Options::default()).unwrap().parts.at(), PartsAt::Local);
}

#[test]
fn whoever_only_opens_a_directory_reads_only_where_its_parts_are() {
    let parts = |file: &str, env: &[(&str, &str)]| {
        let env = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string()));
        Config::parts_of(Some(("eql.toml".to_string(), file.to_string())), env).map(|p| p.url)
    };
    // The rest of the file is for a server, and its mistakes too.
    assert_eq!(parts("http = '0.0.0.0:1'\n[parts]\nurl = 's3://b/p'", &[]).unwrap().as_deref(), Some("s3://b/p"));
    assert_eq!(parts("", &[("EQL_PARTS_URL", "s3://e"), ("EQL_HTTP", "nowhere")]).unwrap().as_deref(), Some("s3://e"));
    assert!(parts("[parts]\nurk = 's3://b/p'", &[]).unwrap_err().to_string().contains("the nearest is `parts.url`"));
}
