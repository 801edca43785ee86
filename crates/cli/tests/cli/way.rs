//! A way between merchant and gateway that loses or holds the answers to contests, acceptances and openings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use rebuttal_testbed::Passage;

/// What happens to the answer of a contest, an acceptance or an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The connection is cut after the gateway has answered.
    Lost,
    /// Nothing happens any more.
    Held,
}

pub(crate) struct Way {
    pub(crate) url: String,
    way: rebuttal_testbed::Way,
    /// How many answers are still to meet the fate.
    doomed: Arc<AtomicUsize>,
    met: Receiver<()>,
}

impl Way {
    pub(crate) fn open(fate: Fate, doomed: usize) -> Self {
        let doomed = Arc::new(AtomicUsize::new(doomed));
        let (tell, met) = channel();
        let left = Arc::clone(&doomed);
        let way = rebuttal_testbed::Way::open(move |request, answer| {
            let counts = [
                "POST /pg/v2/dispute/contest ",
                "POST /pg/v2/dispute/accept ",
                "POST /operator/v1/disputes ",
            ];
            let counts = counts.iter().any(|call| request.starts_with(call.as_bytes()));
            let less = |left: usize| left.checked_sub(1);
            if !counts || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
                return Passage::On(answer);
            }
            let _ = tell.send(());
            match fate {
                Fate::Lost => Passage::Cut,
                Fate::Held => Passage::Hold,
            }
        });
        Self { url: way.url.clone(), way, doomed, met }
    }

    pub(crate) fn leads_to(&self, address: SocketAddr) {
        self.way.leads_to(address);
    }

    /// From now on every answer arrives.
    pub(crate) fn mend(&self) {
        self.doomed.store(0, Ordering::SeqCst);
    }

    /// From now on none does.
    pub(crate) fn close(&self) {
        self.doomed.store(usize::MAX, Ordering::SeqCst);
    }

    /// Waits until an answer has met its fate.
    pub(crate) fn wait(&self) {
        self.met.recv().unwrap();
    }
}
