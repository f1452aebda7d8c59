//! Whether this server takes requests; what `/health/ready` tells a load balancer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the server wants requests. It does not until it has started, nor once it is stopping.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// A server that is ready already: for tests.
    #[must_use]
    pub fn ready() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    pub fn set(&self, is_ready: bool) {
        self.0.store(is_ready, Ordering::Release);
    }

    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
