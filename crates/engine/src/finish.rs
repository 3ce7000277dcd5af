//! Work that is done to its end, whether anybody waits for it or not.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Runs in its caller's task, as any future does; but when the caller goes away before it is over, the rest becomes a
/// task of its own. A task for each would do the same, at the price of a task for each.
#[must_use = "it does nothing until it is awaited"]
pub struct ToTheEnd<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static;

impl<F> ToTheEnd<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    /// Begins when it is polled for the first time; if it never is, it is begun when it is dropped.
    pub fn new(work: F) -> ToTheEnd<F> {
        ToTheEnd::of(Box::pin(work))
    }

    /// The same of work that lies in a place of its own already.
    pub fn of(work: Pin<Box<F>>) -> ToTheEnd<F> {
        ToTheEnd(Some(work))
    }
}

impl<F> Future for ToTheEnd<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Taken out meanwhile, so that work that panics is not gone on with.
        let mut work = self.0.take().expect("nobody asks again after the end");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F> Drop for ToTheEnd<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn drop(&mut self) {
        if let (Some(rest), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    /// Waits for a word, then says that it was heard.
    fn work() -> (
        oneshot::Sender<()>,
        oneshot::Receiver<&'static str>,
        impl Future<Output = &'static str> + Send,
    ) {
        let (word, hears) = oneshot::channel();
        let (says, said) = oneshot::channel();
        let work = async move {
            hears.await.expect("the test speaks");
            says.send("done").expect("the test listens");
            "over"
        };
        (word, said, work)
    }

    #[tokio::test]
    async fn who_waits_gets_what_came_out() {
        let (word, said, work) = work();
        let work = ToTheEnd::new(work);
        word.send(()).unwrap();
        assert_eq!(work.await, "over");
        assert_eq!(said.await, Ok("done"));
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_rest_to_be_done() {
        let (word, said, work) = work();
        let mut work = ToTheEnd::new(work);
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        word.send(()).unwrap();
        assert_eq!(said.await, Ok("done"));
    }

    #[tokio::test]
    async fn what_was_never_begun_is_done_too() {
        let (word, said, work) = work();
        drop(ToTheEnd::new(work));
        word.send(()).unwrap();
        assert_eq!(said.await, Ok("done"));
    }

    #[tokio::test]
    async fn what_panics_is_not_gone_on_with() {
        let (says, said) = oneshot::channel::<()>();
        let work = ToTheEnd::new(async move {
            let _says = says;
            if true {
                panic!("on purpose");
            }
        });
        assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
        assert!(said.await.is_err(), "and what it held was let go");
    }
}
