//! Waiting for work that runs elsewhere, with Ctrl-C to stop waiting.

use crate::failure::Failure;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Stack of a thread; only what is used takes memory.
const STACK_BYTES: usize = 64 << 20;

/// Waits for asynchronous work on behalf of the one thread that talks to the user.
#[derive(Clone)]
pub(crate) struct Waiter {
    runtime: Arc<Runtime>,
    interrupts: Option<(Arc<watch::Sender<u64>>, watch::Receiver<u64>)>,
}

impl Waiter {
    /// Waits until the work is done. Ctrl-C ends the process, as everywhere.
    pub(crate) fn patient() -> Result<Self, Failure> {
        // An expression may be 160 levels high: binding and planning walk it recursively, on these threads.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
        let runtime = runtime.map_err(|e| Failure::of("cannot start threads", &e))?;
        Ok(Self { runtime: Arc::new(runtime), interrupts: None })
    }

    /// Once it listens, Ctrl-C ends the waiting only: for the shell.
    pub(crate) fn interruptible() -> Result<Self, Failure> {
        let (sender, receiver) = watch::channel(0);
        Ok(Self { interrupts: Some((Arc::new(sender), receiver)), ..Self::patient()? })
    }

    /// Takes Ctrl-C from now on. The line editor takes it too, for itself alone: this has to come after it.
    pub(crate) fn listen(&self) {
        let Some((sender, _)) = self.interrupts.clone() else { return };
        self.runtime.spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|n| *n += 1);
            }
        });
    }

    /// The same waiter, deaf to Ctrl-C pressed before now.
    pub(crate) fn fresh(&self) -> Self {
        let mut waiter = self.clone();
        if let Some((_, interrupts)) = &mut waiter.interrupts {
            interrupts.mark_unchanged();
        }
        waiter
    }

    /// Waits for `work`, or for Ctrl-C.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let Some((_, mut interrupts)) = self.interrupts.clone() else {
            return Ok(self.runtime.block_on(work));
        };
        self.runtime.block_on(async move {
            tokio::select! {
                done = work => Ok(done),
                Ok(()) = interrupts.changed() => Err(Failure::Interrupted),
            }
        })
    }

    /// Waits for work that blocks its thread, or for Ctrl-C; then the work ends by itself, unheard.
    pub(crate) fn wait_blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        if self.interrupts.is_none() {
            return Ok(work());
        }
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || drop(sender.send(work())));
        self.wait(receiver)?.map_err(|_| Failure::Failed("a thread broke down".into()))
    }

    /// Runs `work` where asynchronous tasks can be started.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _context = self.runtime.enter();
        work()
    }
}
