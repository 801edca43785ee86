//! A proxy between merchant and gateway that drops or stalls the responses to contests, acceptances and openings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use rebuttal_testbed::Action;

/// What happens to the response to a contest, an acceptance or an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseFault {
    /// The connection is closed after the gateway has responded.
    Close,
    /// Nothing is sent any more.
    Stall,
}

pub(crate) struct LossyProxy {
    pub(crate) url: String,
    proxy: rebuttal_testbed::FaultProxy,
    /// How many more responses get the fault.
    remaining: Arc<AtomicUsize>,
    faulted: Receiver<()>,
}

impl LossyProxy {
    pub(crate) fn start(fault: ResponseFault, remaining: usize) -> Self {
        let remaining = Arc::new(AtomicUsize::new(remaining));
        let (notify, faulted) = channel();
        let left = Arc::clone(&remaining);
        let proxy = rebuttal_testbed::FaultProxy::on_response(move |request, answer| {
            let counts = [
                "POST /pg/v2/dispute/contest ",
                "POST /pg/v2/dispute/accept ",
                "POST /operator/v1/disputes ",
            ];
            let counts = counts.iter().any(|call| request.starts_with(call.as_bytes()));
            let less = |left: usize| left.checked_sub(1);
            if !counts || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
                return Action::Forward(answer);
            }
            let _ = notify.send(());
            match fault {
                ResponseFault::Close => Action::Close,
                ResponseFault::Stall => Action::Stall,
            }
        });
        Self { url: proxy.url.clone(), proxy, remaining, faulted }
    }

    pub(crate) fn set_upstream(&self, address: SocketAddr) {
        self.proxy.set_upstream(address);
    }

    /// From now on every response is forwarded.
    pub(crate) fn forward_all(&self) {
        self.remaining.store(0, Ordering::SeqCst);
    }

    /// From now on no response is.
    pub(crate) fn drop_all(&self) {
        self.remaining.store(usize::MAX, Ordering::SeqCst);
    }

    /// Waits until a response has got the fault.
    pub(crate) fn wait_for_fault(&self) {
        self.faulted.recv().unwrap();
    }
}
