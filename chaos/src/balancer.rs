//! A TCP balancer: each connection goes to the next node that takes one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A listening balancer; ends when dropped, connections included.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Balancer {
    pub(crate) async fn start(nodes: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, Arc::new(nodes)));
        Ok(Self { address, task })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, nodes: Arc<Vec<SocketAddr>>) {
    let turn = Arc::new(AtomicUsize::new(0));
    loop {
        // What cannot be accepted now may be later.
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let (nodes, turn) = (nodes.clone(), turn.clone());
        tokio::spawn(async move {
            if let Some(node) = first_alive(&nodes, &turn).await {
                // A reset of either side is what the other side then sees.
                let _ = pass_on(client, node).await;
            }
        });
    }
}

async fn first_alive(nodes: &[SocketAddr], turn: &AtomicUsize) -> Option<TcpStream> {
    for _ in nodes {
        let next = turn.fetch_add(1, Ordering::Relaxed);
        let node = nodes.get(next % nodes.len())?;
        if let Ok(stream) = TcpStream::connect(node).await {
            return Some(stream);
        }
    }
    None
}

async fn pass_on(mut client: TcpStream, mut node: TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    node.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut node).await?;
    Ok(())
}
