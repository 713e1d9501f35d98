//! Connections: accepting, serving and draining them.

use crate::error::Error;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use s3s::service::S3Service;
use s3s::{Body, HttpError, HttpRequest, HttpResponse, s3_error};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long requests in flight may take when the gateway stops: less than the ten seconds that service managers give a process.
const DRAIN_MAX: Duration = Duration::from_secs(8);

/// How long a client may take to send the headers of a request.
const HEADERS_MAX: Duration = Duration::from_secs(30);

/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn serve(
    service: S3Service,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX);
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => connect(stream, &builder, &service, &graceful),
            Err(error) if is_passing(&error) => tokio::time::sleep(ACCEPT_PAUSE).await,
            Err(source) => return Err(Error::Accept { source }),
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!(after = ?DRAIN_MAX, "requests were still running when the gateway stopped");
    }
    Ok(())
}

fn connect(
    stream: TcpStream,
    builder: &Builder<TokioExecutor>,
    service: &S3Service,
    graceful: &GracefulShutdown,
) {
    // Small answers would wait for the client's acknowledgement of the one before. A connection that cannot be told so
    // is slow, or gone.
    drop(stream.set_nodelay(true));
    let service = service.clone();
    let answer = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let service = service.clone();
        async move { respond(&service, request.map(Body::from)).await }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "connection ended");
        }
    });
}

async fn respond(service: &S3Service, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    if is_browser_form(&request) {
        // The library would read such a form into memory before it asks who sends it.
        let error = s3_error!(NotImplemented, "uploads by HTML forms are not served");
        return error.to_http_response().map_err(|error| HttpError::new(Box::new(error)));
    }
    service.call(request).await
}

fn is_browser_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let prefix = b"multipart/";
    let is_multipart = kind
        .is_some_and(|kind| kind.len() >= prefix.len() && kind[..prefix.len()].eq_ignore_ascii_case(prefix));
    request.method() == http::Method::POST && is_multipart
}

/// Errors of one connection, and of a moment without room; anything else means that the listener is broken.
fn is_passing(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
        || matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
        )
}
