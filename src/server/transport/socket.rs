//! The socket of a connection: inspects heads before hyper reads them, drops clients that do not read, and lets the
//! last response arrive.

use super::{activity::Activity, framing::Framing};
use crate::server::transport::min_rate::MinRate;
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};

/// How many bytes, and for how long, are read from a client and discarded after its last response.
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    framing: Framing,
    min_rate: MinRate,
    write_timer: Option<Pin<Box<Sleep>>>,
    ending: Ending,
    /// Released with the socket: an upgraded connection outlives the task that accepted it.
    _slot: OwnedSemaphorePermit,
}

/// How far the socket is closed.
///
/// If a socket is closed with unread data, the kernel sends a reset, which can overtake our last response: a browser
/// that is still sending a refused form would show "connection reset" instead of the refusal. So our side is shut down
/// first, and incoming data is read and discarded for a moment.
enum Ending {
    Open,
    ShutDown,
    Lingering { bytes_left: usize, timer: Pin<Box<Sleep>> },
    Done,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        slot: OwnedSemaphorePermit,
        activity: Arc<Activity>,
        write_timeout: Duration,
    ) -> Self {
        let (framing, min_rate) = (Framing::default(), MinRate::new(write_timeout));
        Self { stream, activity, framing, min_rate, write_timer: None, ending: Ending::Open, _slot: slot }
    }

    /// Records the result of a write, and turns one that has been pending for too long into an error.
    fn watched(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                let deadline = self.min_rate.wait(Instant::now());
                let timer = self.write_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                if timer.deadline() != deadline {
                    timer.as_mut().reset(deadline);
                }
                ready!(timer.as_mut().poll(cx));
                // Otherwise the kernel would keep retransmitting what it has buffered, megabytes of it, for minutes.
                let _ = self.stream.set_zero_linger();
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
            }
            Poll::Ready(Ok(bytes)) => {
                self.min_rate.moved(Instant::now, bytes);
                Poll::Ready(Ok(bytes))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    /// Reads and discards incoming data. Ready at its end, or when a limit is reached.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            let bytes = match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => buffer.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => match &mut self.ending {
                    Ending::Lingering { timer, .. } => return timer.as_mut().poll(cx),
                    _ if self.activity.has_unread_body() => 0,
                    _ => return Poll::Ready(()),
                },
            };
            // Unread data has arrived or is expected: more may follow.
            if !matches!(self.ending, Ending::Lingering { .. }) {
                let timer = Box::pin(tokio::time::sleep(LINGER_TIME));
                self.ending = Ending::Lingering { bytes_left: LINGER_BYTES, timer };
            }
            if let Ending::Lingering { bytes_left, .. } = &mut self.ending {
                match bytes_left.checked_sub(bytes) {
                    Some(left) => *bytes_left = left,
                    None => return Poll::Ready(()),
                }
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let bytes = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        self.activity.read(bytes.len());
        if !self.activity.is_upgraded() {
            self.framing.inspect(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.ending, Ending::Open) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.ending = Ending::ShutDown;
        }
        if !matches!(self.ending, Ending::Done) {
            ready!(self.poll_linger(cx));
            self.ending = Ending::Done;
        }
        Poll::Ready(Ok(()))
    }
}
