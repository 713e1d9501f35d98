use super::*;
use opendal::HttpTransporter;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SHORT: Duration = Duration::from_millis(300);

fn options() -> Options {
    Options {
        endpoint: String::new(),
        region: "us-east-1".into(),
        bucket: model::BucketName::new("alice").unwrap(),
        access_key_id: "key-id".into(),
        secret_access_key: "secret".into(),
        concurrency: 4,
        limits: crate::Limits::default(),
    }
}

async fn listen() -> (TcpListener, HttpTransporter, String) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, HttpTransporter::new(Transport::with_stall_max(&options(), SHORT).unwrap()), url)
}

fn request(url: &str, body: Vec<u8>) -> Request<Buffer> {
    Request::put(url).header("content-length", body.len()).body(Buffer::from(body)).unwrap()
}

#[tokio::test]
async fn a_slow_upload_is_not_a_dead_one() {
    let (listener, transport, url) = listen().await;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut chunk = vec![0; 1 << 20];
        let mut received = 0;
        // Far longer than a stall in all, with never a pause of one.
        while received < 12 << 20 {
            received += socket.read(&mut chunk).await.unwrap();
            tokio::time::sleep(SHORT / 8).await;
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    });
    let started = tokio::time::Instant::now();
    let answer = transport.send(request(&url, vec![0; 12 << 20])).await.unwrap();
    assert_eq!(answer.into_body().to_bytes(), "ok");
    assert!(started.elapsed() > SHORT, "else the test shows nothing: {:?}", started.elapsed());
    server.await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (listener, transport, url) = listen().await;
    let _server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(socket);
    });
    let error = transport.send(request(&url, vec![0; 10])).await.unwrap_err();
    assert!(error.is_temporary());
    assert!(error.to_string().contains("nothing moved"), "{error}");
}

#[tokio::test]
async fn an_answer_that_stops_is_given_up() {
    let (listener, transport, url) = listen().await;
    let _server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut chunk = vec![0; 4096];
        let _request = socket.read(&mut chunk).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    });
    let answer = transport.send(request(&url, Vec::new())).await;
    assert!(answer.unwrap_err().to_string().contains("nothing moved"));
}

/// Answers requests with the given heads, and returns the `x-amz-date` of each.
async fn dates(listener: TcpListener, heads: &[&str]) -> Vec<String> {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut dates = Vec::new();
    for head in heads {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(socket.read_u8().await.unwrap());
        }
        let text = String::from_utf8(request).unwrap();
        let date = text.lines().find_map(|line| line.strip_prefix("x-amz-date: ")).unwrap();
        dates.push(date.to_owned());
        socket.write_all(format!("{head}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    }
    dates
}

#[tokio::test]
async fn a_clock_that_is_years_off_is_made_up_for() {
    let (listener, transport, url) = listen().await;
    let refusal = "HTTP/1.1 403 Forbidden\r\ndate: Sat, 01 Jan 2050 12:00:00 GMT";
    let server =
        tokio::spawn(async move { dates(listener, &[refusal, "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]).await });
    for _ in 0..2 {
        let answer = transport.send(request(&url, Vec::new())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let dates = server.await.unwrap();
    assert!(!dates[0].starts_with("2050"), "{dates:?}");
    assert!(dates[1].starts_with("20500101T1200"), "{dates:?}");
    assert!(dates[2].starts_with("20500101T120"), "{dates:?}");
}

#[tokio::test]
async fn a_refusal_at_the_same_time_is_one() {
    let (listener, transport, url) = listen().await;
    let now = Timestamp::now().into_inner().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let refusal = format!("HTTP/1.1 403 Forbidden\r\ndate: {now}");
    let server = tokio::spawn(async move { dates(listener, &[&refusal]).await });
    let answer = transport.send(request(&url, Vec::new())).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_byte_of_a_body_asks_for_its_turn() {
    let (upload, download) = (crate::Limiter::new(1 << 30), crate::Limiter::new(1 << 30));
    let limits = Limits { upload: Some(upload.clone()), download: Some(download.clone()) };
    let (listener, _, url) = listen().await;
    let options = Options { limits, ..options() };
    let transport = HttpTransporter::new(Transport::with_stall_max(&options, SHORT).unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(&vec![7; 300_001]) {
            socket.read_buf(&mut request).await.unwrap();
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 200001\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&vec![8; 200_001]).await.unwrap();
    });
    let answer = transport.send(request(&url, vec![7; 300_001])).await.unwrap();
    assert_eq!(answer.into_body().to_bytes(), vec![8; 200_001]);
    server.await.unwrap();
    assert_eq!((upload.taken(), download.taken()), (300_001, 200_001));
}

/// The wait for the limit is longer than a stall may be, and still none.
#[tokio::test]
async fn waiting_for_the_limit_is_no_stall() {
    let (listener, _, url) = listen().await;
    let limits = Limits { upload: None, download: Some(crate::Limiter::new(16 << 10)) };
    let options = Options { limits, ..options() };
    let transport = HttpTransporter::new(Transport::with_stall_max(&options, SHORT).unwrap());
    let _server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut chunk = vec![0; 4096];
        let _request = socket.read(&mut chunk).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 16384\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&[1; 8_192]).await.unwrap();
        socket.flush().await.unwrap();
        tokio::time::sleep(SHORT / 10).await;
        socket.write_all(&[1; 8_192]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let answer = transport.send(request(&url, Vec::new())).await.unwrap();
    assert_eq!(answer.into_body().to_bytes(), vec![1; 16_384]);
}
