//! Parts as objects of a bucket. The client is asynchronous and the store is not: requests run on a thread of their own, and whoever
//! asked waits for the answer, as for a disk.

use super::PartPlace;
use crate::StoreError;
use crate::limit::{OBJECT_REMOVALS, REQUEST_RETRIES, REQUEST_SECONDS, RETRY_SECONDS, RETRY_WAIT_MILLIS, RETRY_WAIT_MILLIS_MAX};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Words of a foreign error that are shown: a server may answer with a whole page.
const REASON_CHARS_MAX: usize = 400;

/// Objects below a prefix.
pub(crate) struct ObjectPlace {
    url: String,
    prefix: ObjectPath,
    objects: Arc<dyn ObjectStore>,
    /// Taken when dropped.
    runtime: Option<Runtime>,
}

/// The client knows credentials.
impl std::fmt::Debug for ObjectPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectPlace").field("url", &self.url).finish_non_exhaustive()
    }
}

impl ObjectPlace {
    /// A bucket of an S3-compatible server. `options` stand above the AWS_* variables.
    pub(super) fn bucket(url: String, bucket: &str, prefix: &str, options: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        let refuse = |what: String| StoreError::PartsUrl { url: url.clone(), what };
        let client = ClientOptions::new().with_timeout(Duration::from_secs(REQUEST_SECONDS));
        let mut builder = environment(AmazonS3Builder::new().with_client_options(client).with_retry(retries()));
        for (name, value) in options {
            let key: AmazonS3ConfigKey = name.parse().map_err(|_| refuse(format!("`{name}` is no option of the S3 client")))?;
            builder = builder.with_config(key, value);
        }
        let objects = builder.with_bucket_name(bucket).build().map_err(|e| refuse(e.to_string()))?;
        Self::new(url.clone(), prefix, Arc::new(objects))
    }

    fn new(url: String, prefix: &str, objects: Arc<dyn ObjectStore>) -> Result<Self, StoreError> {
        let refuse = |what: String| StoreError::PartsUrl { url: url.clone(), what };
        let prefix = ObjectPath::parse(prefix).map_err(|e| refuse(e.to_string()))?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("eql-objects").enable_all().build();
        let runtime = runtime.map_err(|e| refuse(format!("no thread for its requests: {e}")))?;
        Ok(Self { url, prefix, objects, runtime: Some(runtime) })
    }

    fn object(&self, name: &str) -> ObjectPath {
        self.prefix.parts().chain(ObjectPath::from(name).parts()).collect()
    }

    /// Runs requests on our thread, and waits: the caller may be a thread of another runtime, on which it could not.
    fn wait<T: Send + 'static>(
        &self,
        action: &'static str,
        name: &str,
        requests: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let failed = |reason: String| StoreError::Remote { action, file: self.path(name).display().to_string(), reason };
        let (done, answer) = mpsc::sync_channel(1);
        let runtime = self.runtime.as_ref().ok_or_else(|| failed("it is closed".to_string()))?;
        runtime.spawn(async move { _ = done.send(requests.await) });
        answer.recv().map_err(|_| failed("its thread ended".to_string()))?.map_err(|e| failed(reason(action, &e)))
    }
}

impl Drop for ObjectPlace {
    /// May happen on a thread of another runtime, where waiting for this one would panic.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl PartPlace for ObjectPlace {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}/{name}", self.url))
    }

    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let (objects, object) = (self.objects.clone(), self.object(name));
        self.wait("write", name, async move { objects.put(&object, PutPayload::from(bytes)).await.map(|_| ()) })
    }

    fn create(&self, name: &str, bytes: Vec<u8>) -> Result<Bytes, StoreError> {
        let (objects, object) = (self.objects.clone(), self.object(name));
        self.wait("claim", name, async move { create(&*objects, &object, bytes.into()).await })
    }

    /// An object has its name as soon as it is written.
    fn finish(&self, _directories: &[String]) -> Result<(), StoreError> {
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        let (objects, object) = (self.objects.clone(), self.object(name));
        self.wait("read", name, async move { objects.get(&object).await?.bytes().await })
    }

    fn get_ranges(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let (objects, object, ranges) = (self.objects.clone(), self.object(name), ranges.to_vec());
        self.wait("read", name, async move { objects.get_ranges(&object, &ranges).await })
    }

    fn list(&self) -> Result<Vec<String>, StoreError> {
        let (objects, prefix) = (self.objects.clone(), self.prefix.clone());
        let below = move |object: &ObjectPath| -> Option<String> {
            let parts: Vec<String> = object.prefix_match(&prefix)?.map(|p| p.as_ref().to_string()).collect();
            Some(parts.join("/"))
        };
        let prefix = self.prefix.clone();
        self.wait("list", "", async move {
            let found: Vec<_> = objects.list(Some(&prefix)).try_collect().await?;
            Ok(found.iter().filter_map(|meta| below(&meta.location)).collect())
        })
    }

    fn remove(&self, names: &[String]) -> Result<(), StoreError> {
        let (objects, all) = (self.objects.clone(), names.iter().map(|n| self.object(n)).collect::<Vec<_>>());
        self.wait("remove", names.first().map_or("", String::as_str), async move {
            let removals = stream::iter(all).map(|object| remove(objects.clone(), object));
            removals.buffer_unordered(OBJECT_REMOVALS).try_collect().await
        })
    }
}

/// The AWS_* variables; those that the client does not know belong to others.
fn environment(builder: AmazonS3Builder) -> AmazonS3Builder {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let known = variables.filter(|(name, _)| name.starts_with("AWS_"));
    let parsed = known.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)));
    parsed.fold(builder, |builder, (key, value): (AmazonS3ConfigKey, String)| builder.with_config(key, value))
}

/// One by one: not every server has the request for many.
async fn remove(objects: Arc<dyn ObjectStore>, object: ObjectPath) -> Result<(), Error> {
    match objects.delete(&object).await {
        Err(Error::NotFound { .. }) => Ok(()),
        done => done,
    }
}

/// The first to write wins. A server without conditional writes is asked first and written to then.
async fn create(objects: &dyn ObjectStore, object: &ObjectPath, bytes: Bytes) -> Result<Bytes, Error> {
    let payload = || PutPayload::from(bytes.clone());
    match objects.put_opts(object, payload(), PutMode::Create.into()).await {
        Ok(_) => return Ok(bytes),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => match objects.get(object).await {
            Err(Error::NotFound { .. }) => {
                objects.put(object, payload()).await?;
            }
            found => return found?.bytes().await,
        },
        Err(e) => return Err(e),
    }
    objects.get(object).await?.bytes().await
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(RETRY_WAIT_MILLIS),
            max_backoff: Duration::from_millis(RETRY_WAIT_MILLIS_MAX),
            base: 2.0,
        },
        max_retries: REQUEST_RETRIES,
        retry_timeout: Duration::from_secs(RETRY_SECONDS),
    }
}

/// What to do about it, before the client's own words.
fn reason(action: &str, error: &Error) -> String {
    let advice = match error {
        // Everything else than reading creates what is not there.
        Error::NotFound { .. } if action != "read" => return "there is no such bucket; create it, or mend `parts.url`".to_string(),
        Error::NotFound { .. } => return "it is not there; restore it from a backup".to_string(),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            return "access is denied; check the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and their rights".to_string();
        }
        Error::Generic { .. } => "check that the server can be reached and `parts` of the configuration; ",
        _ => "",
    };
    let words: String = error.to_string().chars().take(REASON_CHARS_MAX).collect();
    format!("{advice}{words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::local::LocalFileSystem;

    #[test]
    fn objects_come_back_whole_in_ranges_and_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let objects = Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap());
        let place = ObjectPlace::new("test://x".to_string(), "a/b", objects).unwrap();
        assert!(place.list().unwrap().is_empty());
        place.put("0/1/a", b"abcdef".to_vec()).unwrap();
        place.put("0/2/b", b"b".to_vec()).unwrap();
        assert_eq!(place.create("mine", b"first".to_vec()).unwrap(), "first");
        assert_eq!(place.create("mine", b"second".to_vec()).unwrap(), "first");
        let mut names = place.list().unwrap();
        names.sort();
        assert_eq!(names, ["0/1/a", "0/2/b", "mine"]);
        assert!(dir.path().join("a/b/0/1/a").is_file());
        assert_eq!(place.get("0/1/a").unwrap(), "abcdef");
        assert_eq!(place.get_ranges("0/1/a", &[4..6, 0..1]).unwrap(), ["ef", "a"]);
        place.remove(&["0/1/a".to_string(), "absent".to_string()]).unwrap();
        let gone = place.get("0/1/a").unwrap_err().to_string();
        assert_eq!(gone, "cannot read test://x/0/1/a: it is not there; restore it from a backup");
    }

    #[test]
    fn secrets_are_not_shown_and_options_are_known() {
        let open = |name: &str| {
            let options = [(name.to_string(), "hush".to_string()), ("access_key_id".to_string(), "hush".to_string())];
            ObjectPlace::bucket("s3://b".into(), "b", "", &options.into())
        };
        assert!(!format!("{:?}", open("secret_access_key").unwrap()).contains("hush"));
        assert_eq!(open("secret").unwrap_err().to_string(), "`s3://b` is no place for event parts: `secret` is no option of the S3 client");
    }

    /// The server of the other tests makes a bucket for whoever writes to it; real ones do not.
    #[test]
    fn an_absent_bucket_is_not_an_absent_object() {
        let absent = || Error::NotFound { path: "a".to_string(), source: "no such key".into() };
        assert!(reason("read", &absent()).contains("restore it from a backup"));
        assert!(reason("claim", &absent()).contains("there is no such bucket"));
    }

    #[test]
    fn a_place_may_be_asked_and_dropped_on_a_thread_of_another_runtime() {
        let outer = Builder::new_current_thread().build().unwrap();
        outer.block_on(async {
            let place = ObjectPlace::new("test://x".to_string(), "", Arc::new(object_store::memory::InMemory::new())).unwrap();
            place.put("0/1/a", b"a".to_vec()).unwrap();
            assert_eq!(place.get("0/1/a").unwrap(), "a");
        });
    }
}
