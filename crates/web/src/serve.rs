//! Accepting connections until told to stop.

use crate::Error;
use axum::Router;
use axum::serve::ListenerExt as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take after the signal to stop.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until `shutdown` is cancelled, then lets requests under way finish, for eight seconds at most.
///
/// Small answers go out at once (`TCP_NODELAY`): without it each would wait for the client's acknowledgement.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> Result<(), Error> {
    let listener = listener.tap_io(|stream| {
        // Best effort: a connection that refuses it is only slower.
        let _refused = stream.set_nodelay(true);
    });
    let signal = shutdown.clone();
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { signal.cancelled().await });
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server => ended.map_err(|source| Error::Serve { source }),
        () = too_late => {
            tracing::warn!("stopped serving pages although some requests were still under way");
            Ok(())
        }
    }
}
